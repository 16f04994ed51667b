// An open file: positioned reads and writes that are never short, and small files whole.
//
// Every failure is Error{environment} naming the path, the operation, the system's reason and a
// remedy where one is known. const members may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace bascule {

class File {
 public:
  /// Opens a regular file for reading, following symlinks. FIFOs, devices and directories are
  /// refused without being opened.
  static File open(const std::filesystem::path& path);

  /// Creates a file, or empties the one that is there, for reading and writing. Never follows a
  /// symlink as the last part of the path.
  static File create(const std::filesystem::path& path);

  /// Opens a file for reading and writing, creating it when absent and keeping what it holds.
  /// Never follows a symlink as the last part of the path.
  static File modify(const std::filesystem::path& path);

  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }

  /// Returns the file's size now.
  int64_t size() const;

  /// Fills `out` from `offset`. A file that ends before is "shorter than it was".
  void pread_exact(int64_t offset, std::span<std::byte> out) const;

  /// Writes all of `data` at `offset`.
  void pwrite_all(int64_t offset, std::span<const std::byte> data) const;

  /// Makes the file `bytes` long with its blocks allocated, where the file system can do so.
  /// When they do not fit, the error says how many bytes are needed and how many available.
  void reserve(int64_t bytes) const;

  /// Cuts the file, or lengthens it with zeros, to `bytes`.
  void resize(int64_t bytes) const;

  /// Asks the kernel to begin writing this range to the disk. A hint: never fails.
  void start_writeback(int64_t offset, int64_t bytes) const;

  /// Returns when the file's data and size are on the disk.
  void sync() const;

  /// Closes the file. Throws where the system reports a late write error; the destructor does not.
  void close();

 private:
  static File of(const std::filesystem::path& path, int flags, std::string_view operation);

  int fd_ = -1;
  int64_t opened_size_ = 0;  // to tell a file that shrank from a wrong offset
  std::filesystem::path path_;
};

/// Throws Error{environment}: "cannot OPERATION PATH: REASON; REMEDY".
[[noreturn]] void fail_errno(int error, std::string_view operation,
                             const std::filesystem::path& path);

/// Returns a regular file's bytes. Throws Error{format} when they are more than `limit`.
std::string read_small_file(const std::filesystem::path& path, int64_t limit);

/// Replaces a file by rename, durably: a reader sees the old bytes or the new, also after a power
/// loss. `more` follows `bytes`. The parent must exist.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           std::span<const std::byte> more = {});

/// Returns when a directory's entries are on the disk.
void sync_directory(const std::filesystem::path& path);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace bascule
