// An archive of torch.save: its directory, its pickle, and the tensor in it.
#include <cstring>

#include "base/check.h"
#include "fuzz/fuzz.h"
#include "store/torch_dist/torch_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bascule;  // NOLINT(google-build-using-namespace)
  return refuses_or_reads([&] {
    const auto read = [&](int64_t at, std::span<std::byte> out) {
      must_hold(at >= 0 && at + static_cast<int64_t>(out.size()) <= static_cast<int64_t>(size));
      if (!out.empty()) std::memcpy(out.data(), data + at, out.size());
    };
    const TorchArchive archive(read, static_cast<int64_t>(size));
    archive.data(saved_tensor(archive.value()));
    archive.scalar(archive.value());
  });
}
