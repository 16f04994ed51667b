#include "data/indexed_dataset.h"

#include "base/check.h"

namespace bascule {

namespace fs = std::filesystem;

fs::path dataset_prefix(const fs::path& path) {
  const fs::path extension = path.extension();
  if (extension != ".bin" && extension != ".idx") return path;
  fs::path prefix = path;
  return prefix.replace_extension();
}

fs::path bin_path(const fs::path& prefix) { return fs::path(prefix) += ".bin"; }
fs::path idx_path(const fs::path& prefix) { return fs::path(prefix) += ".idx"; }

IndexedDataset::IndexedDataset(const fs::path& prefix)
    : idx_(idx_path(prefix)),
      bin_(bin_path(prefix)),
      index_(idx_.bytes(), bin_bytes(), idx_.path().string(), bin_.path().string()) {}

std::span<const std::byte> IndexedDataset::bytes(int64_t sequence) const {
  require(sequence >= 0 && sequence < index_.sequences(), Kind::internal,
          "{} has {} sequences, there is no number {}", idx_.path().string(), index_.sequences(),
          sequence);
  const auto begin = static_cast<size_t>(index_.offset(sequence));
  const auto size = static_cast<size_t>(index_.length(sequence) * bytes_of(index_.type()));
  // Checked when opened; but a mapped file shows what others do to it.
  require(begin <= bin_.bytes().size() && size <= bin_.bytes().size() - begin, Kind::environment,
          "{} changed while it was read", idx_.path().string());
  return bin_.bytes().subspan(begin, size);
}

void IndexedDataset::read(int64_t sequence, int64_t first, std::span<int64_t> out) const {
  const std::span<const std::byte> all = bytes(sequence);
  const auto element = static_cast<size_t>(bytes_of(index_.type()));
  require(first >= 0 && first <= index_.length(sequence) &&
              out.size() <= static_cast<size_t>(index_.length(sequence) - first),
          Kind::internal, "sequence {} of {} has {} tokens, not {} from {}", sequence,
          idx_.path().string(), index_.length(sequence), out.size(), first);
  widen(index_.type(), all.subspan(static_cast<size_t>(first) * element, out.size() * element),
        out);
}

}  // namespace bascule
