// A pickle, and what is written of it.
#include "fuzz/fuzz.h"
#include "store/torch_dist/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const auto value = pickle::decode(std::string(text_of(data, size)));
    pickle::to_string(value);
    // Not the value itself: protocol 2 has no bytes.
    const std::string written = pickle::encode(value);
    must_hold(pickle::encode(pickle::decode(written)) == written);
  });
}
