#include "base/staged_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/file.h"

namespace bascule {

StagedFile::StagedFile(std::filesystem::path path, std::string_view bytes,
                       std::span<const std::byte> more)
    : path_(std::move(path)),
      parent_(path_.has_parent_path() ? path_.parent_path() : "."),
      temporary_(parent_ / fmt::format(".{}.{}.tmp", path_.filename().string(), ::gettid())) {
  try {
    File file = File::create(temporary_);
    file.pwrite_all(0, as_bytes(bytes));
    file.pwrite_all(static_cast<int64_t>(bytes.size()), more);
    file.sync();
    file.close();
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

StagedFile::~StagedFile() {
  if (!placed_) ::unlink(temporary_.c_str());
}

void StagedFile::place() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_errno(errno, "replace", path_);
  placed_ = true;
  sync_directory(parent_);
}

}  // namespace bascule
