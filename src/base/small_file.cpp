// The free functions of file.h: whole small files, directories, and what errno means to a user.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/check.h"
#include "base/file.h"
#include "base/staged_file.h"

namespace bascule {
namespace {

struct Remedy {
  int error;
  std::string_view text;
};

constexpr std::array kRemedies = {
    Remedy{ENOSPC, "free some space or choose another file system"},
    Remedy{EDQUOT, "the disk quota is used up: free some space or choose another file system"},
    Remedy{EFBIG,
           "files may not be so large here: raise the limit with `ulimit -f unlimited`, or "
           "choose another file system"},
    Remedy{EACCES, "check the permissions of the file and of its folders"},
    Remedy{EPERM, "check who owns the file and its folders"},
    Remedy{EROFS, "the file system is mounted read-only: choose another place"},
    Remedy{EMFILE, "too many files are open: raise the limit with `ulimit -n 65536`"},
    Remedy{ENFILE, "the whole system has too many files open"},
    Remedy{EIO, "the device reports an error: look into the system's log"},
    Remedy{ELOOP, "it is a symlink, and nothing is written through one: name the real place"},
    Remedy{ENAMETOOLONG, "the file system has no names so long: choose a shorter one"},
    Remedy{EXDEV, "it lies in another layer or file system: remove it or choose another target"},
    Remedy{EBUSY, "it is a mount point or in use: name a folder inside it"},
    Remedy{ESTALE, "the network file system lost it: mount it again"},
};

}  // namespace

void fail_errno(int error, std::string_view operation, const std::filesystem::path& path) {
  std::string text = fmt::format("cannot {} {}: {}", operation, path.string(),
                                 std::generic_category().message(error));
  for (const Remedy& remedy : kRemedies)
    if (remedy.error == error) text += fmt::format("; {}", remedy.text);
  throw Error(Kind::environment, std::move(text));
}

std::string read_small_file(const std::filesystem::path& path, int64_t limit) {
  const File file = File::open(path);
  const int64_t size = file.size();
  require(size <= limit, Kind::format, "{} is too large for what it is: {} bytes, at most {}",
          path.string(), size, limit);
  std::string bytes(static_cast<size_t>(size), '\0');
  file.pread_exact(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           std::span<const std::byte> more) {
  StagedFile(path, bytes, more).place();
}

void sync_directory(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail_errno(errno, "open", path);
  int result = 0;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  const int error = errno;
  ::close(fd);
  // Some network file systems have nothing to flush for a directory and say EINVAL.
  if (result != 0 && error != EINVAL) fail_errno(error, "flush to disk", path);
}

}  // namespace bascule
