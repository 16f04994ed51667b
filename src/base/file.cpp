#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

struct stat status_of(int fd, const fs::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail_errno(errno, "look at", path);
  return status;
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void require_regular(mode_t mode, const fs::path& path) {
  require(S_ISREG(mode), Kind::environment, "{} is {}, not a regular file", path.string(),
          S_ISREG(mode) ? "a file" : kind_of(mode));
}

}  // namespace

// Devices may act on being opened, so the kind is looked at first; it is looked at again once open,
// because the name may have changed hands. O_NONBLOCK keeps a FIFO from holding us up meanwhile.
File File::of(const fs::path& path, int flags, std::string_view operation) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) require_regular(status.st_mode, path);
  File file;
  file.path_ = path;
  do {
    file.fd_ = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  } while (file.fd_ < 0 && errno == EINTR);
  if (file.fd_ < 0) fail_errno(errno, operation, path);
  status = status_of(file.fd_, path);
  require_regular(status.st_mode, path);
  file.opened_size_ = status.st_size;
  return file;
}

File File::open(const fs::path& path) { return of(path, O_RDONLY, "open"); }

File File::create(const fs::path& path) {
  return of(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, "create");
}

File File::modify(const fs::path& path) {
  return of(path, O_RDWR | O_CREAT | O_NOFOLLOW, "open for writing");
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      opened_size_(other.opened_size_),
      path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    opened_size_ = other.opened_size_;
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

void File::close() {
  const int fd = std::exchange(fd_, -1);
  // After EINTR the descriptor is gone on Linux: closing again could close another's.
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) fail_errno(errno, "close", path_);
}

int64_t File::size() const { return status_of(fd_, path_).st_size; }

void File::pread_exact(int64_t offset, std::span<std::byte> out) const {
  const int64_t end = offset + static_cast<int64_t>(out.size());
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_, out.data(), out.size(), offset);
    if (got < 0) {
      if (errno == EINTR) continue;
      fail_errno(errno, "read", path_);
    }
    if (got == 0)
      fail(Kind::environment, "{} is shorter than it was: {} bytes instead of {}", path_.string(),
           size(), std::max(opened_size_, end));
    out = out.subspan(static_cast<size_t>(got));
    offset += got;
  }
}

void File::pwrite_all(int64_t offset, std::span<const std::byte> data) const {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(fd_, data.data(), data.size(), offset);
    if (put < 0) {
      if (errno == EINTR) continue;
      fail_errno(errno, "write", path_);
    }
    data = data.subspan(static_cast<size_t>(put));
    offset += put;
  }
}

void File::reserve(int64_t bytes) const {
  const struct stat status = status_of(fd_, path_);
  struct statvfs system {};
  if (::fstatvfs(fd_, &system) != 0) fail_errno(errno, "ask for the free space of", path_);
  const int64_t held = status.st_blocks * 512;
  const int64_t available = static_cast<int64_t>(system.f_bavail * system.f_frsize);
  // Asked first: an allocation that fails may have filled the disk before it does.
  require(bytes - held <= available, Kind::environment,
          "no space for {}: {} bytes are needed and {} available; free some or choose another "
          "file system",
          path_.string(), std::max<int64_t>(0, bytes - held), available);
  if (status.st_size > bytes) resize(bytes);
  if (bytes == 0) return;
  // Not posix_fallocate: where a file system cannot allocate, glibc writes into every block.
  int result = 0;
  do {
    result = ::fallocate(fd_, 0, 0, bytes);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOSYS) fail_errno(errno, "allocate", path_);
  resize(bytes);
}

void File::resize(int64_t bytes) const {
  int result = 0;
  do {
    result = ::ftruncate(fd_, bytes);
  } while (result != 0 && errno == EINTR);
  if (result != 0) fail_errno(errno, "resize", path_);
}

void File::start_writeback(int64_t offset, int64_t bytes) const {
  (void)::sync_file_range(fd_, offset, bytes, SYNC_FILE_RANGE_WRITE);
}

void File::sync() const {
  int result = 0;
  do {
    result = ::fsync(fd_);
  } while (result != 0 && errno == EINTR);
  if (result != 0) fail_errno(errno, "flush to disk", path_);
}

}  // namespace bascule
