// train_state.pt, and back.
#include "fuzz/fuzz_archive.h"
#include "store/torch_dist/train_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    TrainState state = train_state_of(archive_in(text_of(data, size)));
    state.floating_point_operations_so_far = 0;  // is rounded, and need not equal itself
    must_hold(train_state_of(archive_in(train_state_archive(state))) == state);
  });
}
