// An indexed dataset in the making, as files that can be gone on with: its elements, and in hidden
// tables beside them the lengths of sequences and the ends of documents. Memory does not grow with
// it. Belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/growing_file.h"
#include "data/token_type.h"

namespace bascule {

/// How far it has come, and the hashes of what was written by then.
struct GrowthRecord {
  int64_t tokens = 0, sequences = 0, documents = 0;
  std::string bin_hash, lengths_hash, documents_hash;  // empty: nothing is written
};

class GrowingDataset {
 public:
  /// Goes on at `record` with PREFIX.bin, PREFIX.lengths and PREFIX.documents; what lies behind it
  /// is dropped. Throws Error{format} where the files hold something else than was recorded.
  GrowingDataset(const std::filesystem::path& prefix, TokenType type, const GrowthRecord& record);

  /// Adds whole documents: the tokens of all their sequences, the tokens of each sequence, the
  /// sequences of each document. Throws Error{mismatch} for a token that the type cannot hold.
  void add(std::span<const int32_t> tokens, std::span<const int32_t> lengths,
           std::span<const int32_t> documents);

  /// Makes all durable, and says how far it has come.
  GrowthRecord record();

  /// Closes all and writes `idx` from the tables. Durable when it returns.
  void finish(const std::filesystem::path& idx);

 private:
  TokenType type_;
  GrowthRecord at_;
  GrowingFile bin_, lengths_, documents_;
};

}  // namespace bascule
