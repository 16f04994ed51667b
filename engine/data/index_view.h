// The table of an .idx file, seen in place: lengths, offsets and documents of the sequences in the
// .bin file beside it. Checked as a whole when made, so that its values can be used as they are.
//
// A view of bytes that must outlive it; any number of threads may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "data/token_type.h"

namespace bascule {

class IndexView {
 public:
  IndexView() = default;
  /// Looks at the bytes of `idx`. `bin_bytes` is the size of `bin`. Throws Error{format} naming the
  /// file and both values.
  IndexView(std::span<const std::byte> bytes, int64_t bin_bytes, const std::string& idx,
            const std::string& bin);

  TokenType type() const { return type_; }
  int64_t sequences() const { return sequences_; }
  /// Documents: runs of sequences. The file stores their boundaries, one more than they are.
  int64_t documents() const { return boundaries_ - 1; }
  /// All sequences' elements.
  int64_t tokens() const { return tokens_; }
  /// Whether a mode a sequence follows the table, as in multimodal datasets.
  bool has_modes() const { return has_modes_; }

  /// Elements of a sequence.
  int32_t length(int64_t sequence) const;
  /// Where a sequence begins in the .bin file, in bytes.
  int64_t offset(int64_t sequence) const;
  /// The first sequence of a document; for document documents(), the number of sequences.
  int64_t document_begin(int64_t document) const;

 private:
  void check_counts(const std::string& idx);
  void check_documents(const std::string& idx) const;
  void check_sequences(int64_t bin_bytes, const std::string& idx, const std::string& bin);

  std::span<const std::byte> bytes_;
  TokenType type_ = TokenType::i32;
  int64_t sequences_ = 0, boundaries_ = 1, tokens_ = 0;
  bool has_modes_ = false;
};

/// The bytes of an .idx file before its table: what the writer writes first.
std::string index_header(TokenType type, int64_t sequences, int64_t boundaries);

}  // namespace bascule
