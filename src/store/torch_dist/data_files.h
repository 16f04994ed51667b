// The data files of a checkpoint: sizes checked at once, opened when first read.
// const members may be called from several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "store/torch_dist/dcp_metadata.h"

namespace bascule {

class DataFiles {
 public:
  /// Finds the files. Throws Error{environment} naming one that is missing.
  DataFiles(const std::filesystem::path& directory, const std::vector<std::string>& names);

  const std::vector<std::string>& names() const { return names_; }
  /// Throws Error{format} naming the file, the size it has and the size it needs, unless the blob
  /// lies within it.
  void require_within(const BlobPlace& place, std::string_view name) const;

  /// Calls `use` with the open file.
  template <class Use>
  void with(size_t file, Use&& use) const {
    if (const File* kept = keep(file)) return use(*kept);
    // Checkpoints of thousands of ranks have more files than a process may hold open.
    use(File::open(paths_[file]));
  }

 private:
  const File* keep(size_t file) const;

  std::vector<std::string> names_;
  std::vector<std::filesystem::path> paths_;
  std::vector<int64_t> sizes_;
  mutable std::mutex mutex_;
  mutable std::vector<File> open_;
  mutable size_t opened_ = 0;
};

}  // namespace bascule
