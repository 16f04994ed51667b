// state.json, and back.
#include "bridge/state.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const State state = parse_state(text_of(data, size), "x");
    must_hold(parse_state(to_json(state), "x") == state);
  });
}
