#include "data/growing_file.h"

#include <algorithm>

#include "base/check.h"
#include "base/interrupt.h"

namespace bascule {
namespace {

constexpr int64_t kGrowingBuffer = int64_t{4} << 20;

}  // namespace

GrowingFile::GrowingFile(const std::filesystem::path& path, int64_t bytes)
    : file_(bytes == 0 ? File::create(path) : File::modify(path)) {
  const int64_t there = file_.size();
  require(there >= bytes, Kind::format, "{} is {} bytes long, but {} were written", path.string(),
          there, bytes);
  std::vector<std::byte> piece;
  for (; written_ < bytes; written_ += static_cast<int64_t>(piece.size())) {
    check_interrupt();
    piece.resize(static_cast<size_t>(std::min(kGrowingBuffer, bytes - written_)));
    file_.pread_exact(written_, piece);
    hasher_.update(piece);
  }
  file_.resize(bytes);
}

void GrowingFile::append(std::span<const std::byte> bytes) {
  hasher_.update(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (static_cast<int64_t>(buffer_.size()) >= kGrowingBuffer) flush();
}

void GrowingFile::flush() {
  file_.pwrite_all(written_, buffer_);
  written_ += static_cast<int64_t>(buffer_.size());
  buffer_.clear();
}

void GrowingFile::sync() {
  flush();
  file_.sync();
}

void GrowingFile::close() {
  sync();
  file_.close();
}

}  // namespace bascule
