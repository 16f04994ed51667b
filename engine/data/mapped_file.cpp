#include "data/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

namespace bascule {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const File file = File::open(path);
  const size_t size = static_cast<size_t>(file.size());
  if (size == 0) return;  // nothing can be mapped
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd(), 0);
  if (at == MAP_FAILED) fail_errno(errno, "map", path);
  bytes_ = {static_cast<const std::byte*>(at), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace bascule
