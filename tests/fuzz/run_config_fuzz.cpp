// run_config.yaml of any provider, and what is written of it.
#include "families/registry.h"
#include "families/run_config.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const RunConfig config = read_run_config(text_of(data, size), "x");
    if (config.families.empty() || config.model.arch.layers.size() > 4) return;
    run_config_yaml(family_named(config.families[0]), config);
  });
}
