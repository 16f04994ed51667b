#include "data/indexed_writer.h"

#include <unistd.h>

#include <limits>

#include "base/check.h"
#include "data/index_writer.h"
#include "data/indexed_dataset.h"
#include "data/publish.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

fs::path partial_of(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}.partial", path.filename().string(), ::getpid());
}

}  // namespace

IndexedDatasetWriter::IndexedDatasetWriter(const fs::path& prefix, TokenType type, bool overwrite)
    : prefix_(prefix),
      bin_partial_(partial_of(bin_path(prefix))),
      idx_partial_(partial_of(idx_path(prefix))),
      type_(type),
      overwrite_(overwrite) {
  require_free(prefix_, overwrite_);
  bin_.emplace(bin_partial_);
}

IndexedDatasetWriter::~IndexedDatasetWriter() {
  ::unlink(bin_partial_.c_str());
  ::unlink(idx_partial_.c_str());
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
  bin_->append(elements);
  lengths_.push_back(static_cast<int32_t>(length));
}

void IndexedDatasetWriter::end_document() { boundaries_.push_back(sequences()); }

void IndexedDatasetWriter::write_index() {
  IndexWriter index(idx_partial_, type_, sequences(), static_cast<int64_t>(boundaries_.size()));
  index.lengths(lengths_);
  index.offsets(lengths_);
  index.boundaries(boundaries_);
  index.finish();
}

void IndexedDatasetWriter::finish() {
  require(boundaries_.back() == sequences(), Kind::user,
          "the last document of {} is not ended: it has {} sequences, the ended ones {}",
          prefix_.string(), sequences(), boundaries_.back());
  bin_->close();
  write_index();
  require_free(prefix_, overwrite_);
  publish_dataset(bin_partial_, idx_partial_, prefix_);
}

}  // namespace bascule
