// metadata.json of a torch_dist checkpoint.
#include "fuzz/fuzz.h"
#include "store/torch_dist/backend.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] { require_torch_dist(text_of(data, size), "x"); });
}
