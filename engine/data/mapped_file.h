// A whole file as bytes in memory, mapped read-only: what is not touched costs nothing.
//
// Immutable, so any number of threads may read. A file that is cut while it is mapped ends the
// process with SIGBUS at the first touch of what is gone; files that are replaced by rename stay.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace bascule {

class MappedFile {
 public:
  MappedFile() = default;
  /// Maps a regular file. Throws Error{environment}.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::span<const std::byte> bytes_;
  std::filesystem::path path_;
};

}  // namespace bascule
