// Writes an .idx file as it comes: lengths, then offsets, then boundaries, each in any number of
// pieces. Belongs to one thread.
#pragma once

#include "data/growing_file.h"
#include "data/token_type.h"

namespace bascule {

class IndexWriter {
 public:
  /// `boundaries`: documents + 1.
  IndexWriter(const std::filesystem::path& path, TokenType type, int64_t sequences,
              int64_t boundaries);

  /// Elements of the next sequences.
  void lengths(std::span<const int32_t> next);
  /// The same once more: where these sequences begin.
  void offsets(std::span<const int32_t> next);
  /// The first sequences of the next documents.
  void boundaries(std::span<const int64_t> next);

  /// Makes the file durable and closes it.
  void finish();

 private:
  GrowingFile file_;
  int64_t element_;  // bytes
  int64_t offset_ = 0;
};

}  // namespace bascule
