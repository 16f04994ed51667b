#include "data/indexed_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>

#include "base/check.h"
#include "data/index_view.h"
#include "data/indexed_dataset.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBuffer = size_t{4} << 20;

fs::path partial_of(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}.partial", path.filename().string(), ::getpid());
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void move_file(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail_errno(errno, "replace", to);
}

/// Writes values one after the other through a buffer.
class Appender {
 public:
  explicit Appender(const File& file) : file_(file) {}

  template <class T>
  void value(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    buffer_.insert(buffer_.end(), bytes, bytes + sizeof value);
    if (buffer_.size() >= kBuffer) flush();
  }
  void flush() {
    file_.pwrite_all(written_, buffer_);
    written_ += static_cast<int64_t>(buffer_.size());
    buffer_.clear();
  }

 private:
  const File& file_;
  int64_t written_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace

IndexedDatasetWriter::IndexedDatasetWriter(const fs::path& prefix, TokenType type, bool overwrite)
    : prefix_(prefix),
      bin_partial_(partial_of(bin_path(prefix))),
      idx_partial_(partial_of(idx_path(prefix))),
      type_(type),
      overwrite_(overwrite) {
  require(prefix.has_filename(), Kind::user, "\"{}\" names no dataset: give a folder and a name",
          prefix.string());
  require_free();
  bin_ = File::create(bin_partial_);
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  ::unlink(bin_partial_.c_str());
  ::unlink(idx_partial_.c_str());
}

void IndexedDatasetWriter::require_free() const {
  for (const fs::path& path : {bin_path(prefix_), idx_path(prefix_)}) {
    std::error_code ignored;
    const fs::file_status status = fs::symlink_status(path, ignored);
    if (!fs::exists(status)) continue;
    require(fs::is_regular_file(status), Kind::user, "{} is in the way: it is not a regular file",
            path.string());
    require(overwrite_, Kind::user, "{} exists; --overwrite replaces it", path.string());
  }
}

void IndexedDatasetWriter::add_sequence(std::span<const int64_t> tokens) {
  std::vector<std::byte> elements(tokens.size() * static_cast<size_t>(bytes_of(type_)));
  const size_t fitting = narrow(type_, tokens, elements);
  if (fitting < tokens.size())
    fail(Kind::user, "token {} of sequence {} is {}, which {} cannot hold", fitting, sequences(),
         tokens[fitting], name(type_));
  add_stored(elements);
}

void IndexedDatasetWriter::add_stored(std::span<const std::byte> elements) {
  const auto element = static_cast<size_t>(bytes_of(type_));
  require(elements.size() % element == 0, Kind::internal, "{} bytes are no whole elements of {}",
          elements.size(), name(type_));
  const size_t length = elements.size() / element;
  require(length <= static_cast<size_t>(std::numeric_limits<int32_t>::max()), Kind::unsupported,
          "sequence {} has {} tokens, the format has room for {}", sequences(), length,
          std::numeric_limits<int32_t>::max());
  buffer_.insert(buffer_.end(), elements.begin(), elements.end());
  lengths_.push_back(static_cast<int32_t>(length));
  if (buffer_.size() >= kBuffer) flush();
}

void IndexedDatasetWriter::end_document() { boundaries_.push_back(sequences()); }

void IndexedDatasetWriter::flush() {
  bin_.pwrite_all(written_, buffer_);
  written_ += static_cast<int64_t>(buffer_.size());
  buffer_.clear();
}

void IndexedDatasetWriter::write_index() {
  File file = File::create(idx_partial_);
  Appender append(file);
  for (const char c : index_header(type_, sequences(), static_cast<int64_t>(boundaries_.size())))
    append.value(c);
  for (const int32_t length : lengths_) append.value(length);
  int64_t offset = 0;
  for (const int32_t length : lengths_) {
    append.value(offset);
    offset += length * bytes_of(type_);
  }
  for (const int64_t boundary : boundaries_) append.value(boundary);
  append.flush();
  file.sync();
  file.close();
}

void IndexedDatasetWriter::finish() {
  require(boundaries_.back() == sequences(), Kind::user,
          "the last document of {} is not ended: it has {} sequences, the ended ones {}",
          prefix_.string(), sequences(), boundaries_.back());
  flush();
  bin_.sync();
  bin_.close();
  write_index();
  require_free();
  const fs::path idx = idx_path(prefix_);
  if (::unlink(idx.c_str()) != 0 && errno != ENOENT) fail_errno(errno, "remove", idx);
  move_file(bin_partial_, bin_path(prefix_));
  move_file(idx_partial_, idx);
  sync_directory(folder_of(idx));
}

}  // namespace bascule
