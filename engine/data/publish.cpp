#include "data/publish.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/check.h"
#include "base/file.h"
#include "data/indexed_dataset.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

void move_file(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail_errno(errno, "replace", to);
}

}  // namespace

void require_free(const fs::path& prefix, bool overwrite) {
  require(prefix.has_filename(), Kind::user, "\"{}\" names no dataset: give a folder and a name",
          prefix.string());
  for (const fs::path& path : {bin_path(prefix), idx_path(prefix)}) {
    if (!is_there(path)) continue;
    std::error_code ignored;
    require(fs::is_regular_file(fs::symlink_status(path, ignored)), Kind::user,
            "{} is in the way: it is not a regular file", path.string());
    require(overwrite, Kind::user, "{} exists; --overwrite replaces it", path.string());
  }
}

void publish_dataset(const fs::path& bin, const fs::path& idx, const fs::path& prefix) {
  const fs::path final_idx = idx_path(prefix);
  if (is_there(bin)) {
    if (::unlink(final_idx.c_str()) != 0 && errno != ENOENT) fail_errno(errno, "remove", final_idx);
    move_file(bin, bin_path(prefix));
  }
  if (is_there(idx)) move_file(idx, final_idx);
  sync_directory(folder_of(final_idx));
}

}  // namespace bascule
