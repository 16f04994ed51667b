#include "base/replace_directory.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "base/check.h"
#include "base/file.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return;
  require(errno != ENOTEMPTY && errno != EEXIST, Kind::user,
          "{} appeared meanwhile and is not empty; pass --overwrite to replace it", to.string());
  fail_errno(errno, "rename the result to", to);
}

bool exchange_paths(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
  fail_errno(errno, "exchange the result with", b);
}

}  // namespace

void move_directory(const fs::path& fresh, const fs::path& target) {
  rename_path(fresh, target);
  sync_directory(folder_of(target));
}

void replace_directory(const fs::path& fresh, const fs::path& target, const fs::path& aside,
                       bool may_exchange) {
  if (may_exchange && exchange_paths(fresh, target)) {
    sync_directory(folder_of(target));
    remove_directory(fresh);
    return;
  }
  rename_path(target, aside);
  rename_path(fresh, target);
  sync_directory(folder_of(target));
  remove_directory(aside);
}

void restore_directory(const fs::path& target, const fs::path& aside) {
  if (!fs::exists(fs::symlink_status(aside))) return;
  if (fs::exists(fs::symlink_status(target)))
    remove_directory(aside);
  else
    move_directory(aside, target);
}

void remove_directory(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail_errno(error.value(), "remove", path);
}

}  // namespace bascule
