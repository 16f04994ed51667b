#include "data/index_writer.h"

#include "data/index_view.h"

namespace bascule {

IndexWriter::IndexWriter(const std::filesystem::path& path, TokenType type, int64_t sequences,
                         int64_t boundaries)
    : file_(path), element_(bytes_of(type)) {
  file_.append(as_bytes(index_header(type, sequences, boundaries)));
}

void IndexWriter::lengths(std::span<const int32_t> next) { file_.append_values(next); }

void IndexWriter::offsets(std::span<const int32_t> next) {
  std::vector<int64_t> begins;
  begins.reserve(next.size());
  for (const int32_t length : next) {
    begins.push_back(offset_);
    offset_ += length * element_;
  }
  file_.append_values<int64_t>(begins);
}

void IndexWriter::boundaries(std::span<const int64_t> next) { file_.append_values(next); }

void IndexWriter::finish() { file_.close(); }

}  // namespace bascule
