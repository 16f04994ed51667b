// A file that is written front to back, through a buffer, and may be gone on with later: the hash
// of its bytes so far tells whether they are still the ones that were written. Belongs to one
// thread.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace bascule {

class GrowingFile {
 public:
  /// Makes the file where it is absent, keeps its first `bytes` and drops the rest. Throws
  /// Error{format} where it has fewer.
  explicit GrowingFile(const std::filesystem::path& path, int64_t bytes = 0);

  void append(std::span<const std::byte> bytes);
  /// Appends the bytes of values, as they lie in memory.
  template <class T>
  void append_values(std::span<const T> values) {
    append(std::as_bytes(values));
  }

  /// Returns when all bytes are on the disk.
  void sync();
  /// Nothing can be appended any more.
  void close();

  const std::filesystem::path& path() const { return file_.path(); }
  int64_t bytes() const { return written_ + static_cast<int64_t>(buffer_.size()); }
  /// The hash of all bytes.
  std::string hash() const { return hasher_.hex(); }

 private:
  void flush();

  File file_;
  int64_t written_ = 0;
  std::vector<std::byte> buffer_;
  Hasher hasher_;
};

}  // namespace bascule
