#include "base/directories.h"

#include <unistd.h>

#include "base/file.h"

namespace bascule {

namespace fs = std::filesystem;

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_errno(error.value(), "create", path);
}

std::vector<fs::path> make_durable_directories(const fs::path& path) {
  std::error_code ignored;
  if (path.empty() || fs::is_directory(path, ignored)) return {};
  std::vector<fs::path> made;
  const fs::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (parent != path) made = make_durable_directories(parent);
  make_directories(path);
  made.push_back(path);
  sync_directory(parent);
  return made;
}

void remove_empty(const std::vector<fs::path>& made) {
  for (auto path = made.rbegin(); path != made.rend(); ++path)
    if (::rmdir(path->c_str()) != 0) return;
}

}  // namespace bascule
