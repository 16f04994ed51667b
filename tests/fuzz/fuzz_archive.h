// An archive of torch.save in the fuzzer's bytes.
#pragma once

#include <cstring>
#include <span>

#include "fuzz/fuzz.h"
#include "store/torch_dist/torch_archive.h"

namespace bascule {

/// The archive reads `text` as long as it lives.
inline TorchArchive archive_in(std::string_view text) {
  const auto size = static_cast<int64_t>(text.size());
  const auto read = [text, size](int64_t at, std::span<std::byte> out) {
    must_hold(at >= 0 && at + static_cast<int64_t>(out.size()) <= size);
    if (!out.empty()) std::memcpy(out.data(), text.data() + at, out.size());
  };
  return {read, size};
}

}  // namespace bascule
