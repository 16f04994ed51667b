// Megatron's indexed dataset, PREFIX.bin and PREFIX.idx: sequences of tokens, in documents.
// docs/formats/indexed_dataset.md has the bytes.
//
// Mapped, not read: opening touches the index only. Immutable; any number of threads may read.
#pragma once

#include <filesystem>
#include <span>

#include "data/index_view.h"
#include "data/mapped_file.h"

namespace bascule {

/// PREFIX of "PREFIX", "PREFIX.bin" or "PREFIX.idx".
std::filesystem::path dataset_prefix(const std::filesystem::path& path);
std::filesystem::path bin_path(const std::filesystem::path& prefix);
std::filesystem::path idx_path(const std::filesystem::path& prefix);

class IndexedDataset {
 public:
  /// Opens both files and checks every count, length and offset against their sizes. Throws
  /// Error{format}, or Error{environment} where one cannot be opened.
  explicit IndexedDataset(const std::filesystem::path& prefix);

  const IndexView& index() const { return index_; }
  std::filesystem::path bin() const { return bin_.path(); }
  std::filesystem::path idx() const { return idx_.path(); }
  int64_t bin_bytes() const { return static_cast<int64_t>(bin_.bytes().size()); }

  /// A sequence's elements, as stored.
  std::span<const std::byte> bytes(int64_t sequence) const;

  /// Reads the tokens of a sequence from its `first` on. Throws Error{internal} where there are
  /// fewer.
  void read(int64_t sequence, int64_t first, std::span<int64_t> out) const;

 private:
  MappedFile idx_, bin_;
  IndexView index_;
};

}  // namespace bascule
