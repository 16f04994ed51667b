#include "bridge/travel.h"

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "base/filesystem.h"
#include "base/interrupt.h"

namespace bascule {
namespace {

/// Throws where the file has the name of a folder of the result, or would lie in one of its files.
void require_apart(const Travelling& file, const Manifest& manifest) {
  const std::string folder = file.to + "/";
  const auto inside = manifest.files.lower_bound(folder);
  require(!std::string_view(kManifestName).starts_with(folder) &&
              (inside == manifest.files.end() || !inside->first.starts_with(folder)),
          Kind::format, "{} would replace the folder {} of the result; rename or remove it",
          file.from.string(), file.to);
  for (size_t at = file.to.find('/'); at != file.to.npos; at = file.to.find('/', at + 1))
    require(!manifest.files.contains(file.to.substr(0, at)), Kind::format,
            "{} cannot be copied: {} is a file of the result and no folder; remove one of the two",
            file.from.string(), file.to.substr(0, at));
}

}  // namespace

void copy_files(const std::vector<Travelling>& files, Workspace& workspace, Manifest& manifest) {
  constexpr int64_t kStep = int64_t{1} << 20;
  std::vector<std::byte> buffer(static_cast<size_t>(kStep));
  for (const Travelling& file : files) {
    require(file.to != kManifestName && !manifest.files.contains(file.to), Kind::format,
            "{} would replace {}, which is part of the result; remove it", file.from.string(),
            file.to);
    require_apart(file, manifest);
    const File from = File::open(file.from);
    const File to = File::create(workspace.path_of(file.to));
    const int64_t size = from.size();
    Hasher hasher;
    for (int64_t at = 0; at < size; at += kStep) {
      check_interrupt();
      const auto part = std::span(buffer).first(static_cast<size_t>(std::min(kStep, size - at)));
      from.pread_exact(at, part);
      to.pwrite_all(at, part);
      hasher.update(part);
    }
    manifest.files[file.to] = {size, hasher.hash()};
  }
}

void write_file(const std::string& name, std::string_view bytes, Workspace& workspace,
                Manifest& manifest) {
  const File file = File::create(workspace.path_of(name));
  file.pwrite_all(0, as_bytes(bytes));
  manifest.files[name] = {static_cast<int64_t>(bytes.size()), hash_of(bytes)};
}

std::vector<std::string> files_that_travel(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  constexpr size_t kMost = 20'000;
  std::vector<std::string> names;
  filesystem_work([&] {
    if (!fs::exists(directory)) return;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_directory()) continue;
      require_text_name(entry.path());
      require(entry.is_regular_file(), Kind::format, "{} is not a regular file; remove it",
              entry.path().string());
      names.push_back(entry.path().lexically_relative(directory).generic_string());
      require(names.size() <= kMost, Kind::format, "{} holds more than {} files",
              directory.string(), kMost);
    }
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> files_below(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::vector<std::string> names;
  std::error_code ignored;
  for (auto entry = fs::recursive_directory_iterator(directory, ignored);
       entry != fs::recursive_directory_iterator(); entry.increment(ignored))
    if (entry->is_regular_file(ignored))
      names.push_back(entry->path().lexically_relative(directory).generic_string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace bascule
