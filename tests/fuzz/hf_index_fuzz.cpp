// model.safetensors.index.json.
#include "fuzz/fuzz.h"
#include "store/hf_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const HfIndex index = parse_hf_index(text_of(data, size), "x");
    for (const std::string& name : index.files) must_hold(is_shard_name(name));
  });
}
