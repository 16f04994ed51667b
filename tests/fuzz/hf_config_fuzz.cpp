// config.json of any family, and the names of small models.
#include "families/hf_config.h"
#include "families/registry.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const HfConfig config = read_hf_config(text_of(data, size), "x", {}, true);
    if (config.arch.layers.size() > 4) return;
    hf_dialect(*config.family, config.arch, slots(config.arch));
  });
}
