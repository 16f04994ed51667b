// latest_checkpointed_iteration.txt.
#include "bridge/opened.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const std::string name = iteration_in(std::string(text_of(data, size)), "x");
    must_hold(name == "release" || name.starts_with("iter_"));
  });
}
