// Overrides of a recipe, as BASCULE_OVERRIDES has them, and the YAML that resolves to the same.
#include "base/check.h"
#include "fuzz/fuzz.h"
#include "recipe/resolve.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const Resolved resolved = resolve("smollm2_135m", {}, text_of(data, size));
    parse_yaml(to_annotated_yaml(resolved), "resolved.yaml");
    architecture(resolved.settings);
  });
}
