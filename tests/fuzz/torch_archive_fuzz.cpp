// An archive of torch.save: its directory, its pickle, and the tensor in it.
#include "fuzz/fuzz_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const TorchArchive archive = archive_in(text_of(data, size));
    archive.data(saved_tensor(archive.value()));
    archive.scalar(archive.value());
  });
}
