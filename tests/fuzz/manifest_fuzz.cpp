// manifest.json, and back.
#include "fuzz/fuzz.h"
#include "store/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const Manifest manifest = parse_manifest(text_of(data, size), "x");
    must_hold(parse_manifest(to_json(manifest), "x") == manifest);
  });
}
