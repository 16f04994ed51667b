#include "store/torch_dist/data_files.h"

#include "base/check.h"

namespace bascule {
namespace {

constexpr size_t kMostOpen = 256;

}  // namespace

DataFiles::DataFiles(const std::filesystem::path& directory, const std::vector<std::string>& names)
    : names_(names), open_(names.size()) {
  for (const std::string& name : names) {
    paths_.push_back(directory / name);
    std::error_code error;
    const auto size = std::filesystem::file_size(paths_.back(), error);
    require(error != std::errc::no_such_file_or_directory, Kind::format,
            "{} is missing, and .metadata says that it holds tensors: the copy is not complete; "
            "copy the checkpoint again from where it came from",
            paths_.back().string());
    if (error) fail_errno(error.value(), "read the size of", paths_.back());
    sizes_.push_back(static_cast<int64_t>(size));
  }
}

void DataFiles::require_within(const BlobPlace& place, std::string_view name) const {
  const int64_t size = sizes_[place.file];
  if (place.length > size || place.offset > size - place.length)
    fail(Kind::format,
         "{} has {} bytes, but {} is said to be {} bytes at byte {}: the file is truncated, or not "
         "the one that .metadata describes",
         paths_[place.file].string(), size, name, place.length, place.offset);
}

const File* DataFiles::keep(size_t file) const {
  const std::lock_guard lock(mutex_);
  if (open_[file]) return &open_[file];
  if (opened_ == kMostOpen) return nullptr;
  open_[file] = File::open(paths_[file]);
  ++opened_;
  return &open_[file];
}

}  // namespace bascule
