// What can be known of a target before any work: the first half of commit.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "base/commit.h"
#include "base/filesystem.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

// A file system's longest name, and what a Workspace's names add to the target's.
constexpr size_t kLongestName = 255;
constexpr size_t kAdded = std::string_view("..partial-0123456789abcdef").size();

void require_short(const fs::path& target) {
  const size_t length = target.filename().string().size();
  require(length + kAdded <= kLongestName, Kind::user,
          "the target's name has {} bytes, but at most {} are possible, since unfinished work lies "
          "beside it under a longer one; choose a shorter name than {}",
          length, kLongestName - kAdded, target.filename().string());
}

void refuse_symlink(const fs::path& path) {
  require(!fs::is_symlink(fs::symlink_status(path)), Kind::user,
          "{} is a symlink, and nothing is written through one; name the directory it stands for",
          path.string());
}

bool is_mount_point(const fs::path& path) {
  struct statx status {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

fs::path real(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::weakly_canonical(path, error);
  if (error) whole = path.lexically_normal();
  return whole.has_filename() || whole == whole.root_path() ? whole : whole.parent_path();
}

bool holds(const fs::path& outer, const fs::path& inner) {
  const fs::path a = real(outer), b = real(inner);
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first == a.end();
}

fs::path nearest_existing_parent(const fs::path& path) {
  fs::path parent = path;
  do {
    parent =
        parent.has_parent_path() && parent != parent.parent_path() ? parent.parent_path() : ".";
  } while (parent != "." && !fs::exists(fs::symlink_status(parent)));
  return parent;
}

// The rename takes away what is there: never a directory somebody lives in.
void require_replaceable(const fs::path& target) {
  const char* home = std::getenv("HOME");
  std::error_code error;
  const fs::path current = fs::current_path(error);
  const bool lived_in = (!error && holds(target, current)) ||
                        (home != nullptr && *home != '\0' && holds(target, home));
  require(!lived_in, Kind::user,
          "{} holds the home or the current directory and is not replaced; name a folder inside it",
          target.string());
}

void check_target_path(const fs::path& target, bool overwrite, const fs::path& source) {
  require_short(target);
  refuse_symlink(target);
  const fs::file_status status = fs::symlink_status(target);
  require(!fs::exists(status) || fs::is_directory(status), Kind::user,
          "{} exists and is not a directory; remove it or name another target", target.string());
  if (!source.empty()) {
    require(real(source) != real(target), Kind::user, "{} is both the source and the target",
            target.string());
    require(!holds(target, source), Kind::user,
            "the target {} holds the source {}; name a target elsewhere", target.string(),
            source.string());
    require(!holds(source, target), Kind::user,
            "the target {} lies in the source {}; name a target elsewhere", target.string(),
            source.string());
  }
  if (fs::exists(status)) {
    require(!is_mount_point(target), Kind::user,
            "{} is a mount point and cannot be put in place by a rename; name a folder inside it",
            target.string());
    const bool empty = fs::is_empty(target);
    require(empty || overwrite, Kind::user,
            "{} exists and is not empty; pass --overwrite to replace it", target.string());
    require_replaceable(target);
  }
  const fs::path parent = nearest_existing_parent(target);
  require(fs::is_directory(parent), Kind::user, "{} cannot be created: {} is not a directory",
          target.string(), parent.string());
  if (::faccessat(AT_FDCWD, parent.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    fail_errno(errno, "write into", parent);
}

}  // namespace

// "out/", "." and ".." have no last part to rename to, so they are spelled as what they stand for.
fs::path target_path(const fs::path& target) {
  require(!target.empty(), Kind::user, "the target's name is empty");
  fs::path path = target;
  if (!path.has_filename() && path != path.root_path()) path = path.parent_path();
  if (path.filename() == "." || path.filename() == "..") path = fs::weakly_canonical(path);
  require(path.has_filename(), Kind::user, "{} cannot be a target", target.string());
  return path;
}

void check_target(const fs::path& target, bool overwrite, const fs::path& source) {
  filesystem_work([&] { check_target_path(target_path(target), overwrite, source); });
}

void check_root(const fs::path& root) {
  filesystem_work([&] { refuse_symlink(target_path(root)); });
}

void check_space(const fs::path& target, int64_t bytes) {
  const fs::path place = fs::is_directory(target) ? target : nearest_existing_parent(target);
  struct statvfs system {};
  if (::statvfs(place.c_str(), &system) != 0) fail_errno(errno, "ask for the free space of", place);
  const int64_t available = static_cast<int64_t>(system.f_bavail * system.f_frsize);
  require(bytes <= available, Kind::environment,
          "no space for {}: {} bytes are needed and {} available; free some or choose another file "
          "system",
          target.string(), bytes, available);
}

}  // namespace bascule
