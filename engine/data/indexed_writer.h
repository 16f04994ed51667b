// Writes an indexed dataset as it comes, in memory that grows by 4 bytes a sequence and 8 a
// document.
//
// Work happens under hidden names beside the target; finish() makes it durable and renames the .bin
// first, so that an .idx never stands beside elements that are not its own. What is not finished is
// removed by the destructor. Belongs to one thread.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "data/growing_file.h"
#include "data/token_type.h"

namespace bascule {

class IndexedDatasetWriter {
 public:
  /// Throws Error{user} when PREFIX.bin or PREFIX.idx exists and `overwrite` is not set.
  IndexedDatasetWriter(const std::filesystem::path& prefix, TokenType type, bool overwrite = false);
  ~IndexedDatasetWriter();
  IndexedDatasetWriter(const IndexedDatasetWriter&) = delete;
  IndexedDatasetWriter& operator=(const IndexedDatasetWriter&) = delete;

  /// Adds a sequence to the current document. Throws Error{user} for a token that the type cannot
  /// hold.
  void add_sequence(std::span<const int64_t> tokens);
  /// The same with elements as they are stored.
  void add_stored(std::span<const std::byte> elements);
  /// Ends the current document, which may be empty.
  void end_document();

  int64_t sequences() const { return static_cast<int64_t>(lengths_.size()); }

  /// Publishes the dataset. Throws Error{user} when a document is not ended.
  void finish();

 private:
  void write_index();

  std::filesystem::path prefix_, bin_partial_, idx_partial_;
  TokenType type_;
  bool overwrite_;
  std::optional<GrowingFile> bin_;
  std::vector<int32_t> lengths_;
  std::vector<int64_t> boundaries_ = {0};
};

}  // namespace bascule
