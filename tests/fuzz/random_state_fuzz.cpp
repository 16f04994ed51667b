// The states of random generators, and back.
#include "fuzz/fuzz_archive.h"
#include "store/torch_dist/random_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    RandomState state = random_state_of(archive_in(text_of(data, size)));
    state.python.next_normal = state.numpy.next_normal = {};  // need not equal themselves
    must_hold(random_state_of(archive_in(random_state_archive(state))) == state);
  });
}
