#include "data/growing_dataset.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/interrupt.h"
#include "data/index_writer.h"
#include "data/indexed_dataset.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTablePiece = int64_t{1} << 20;  // values read at once

fs::path table_of(const fs::path& prefix, const char* name) {
  return fs::path(prefix).concat(std::string(".") + name);
}

void require_same(const GrowingFile& file, const std::string& recorded) {
  require(recorded.empty() || recorded == file.hash(), Kind::format,
          "{} does not hold what was written: its hash is {}, not {}; remove its folder to start "
          "over: rm -r '{}'",
          file.path().string(), file.hash(), recorded,
          file.path().parent_path().parent_path().string());
}

/// Calls `work` with the values of a table, piece by piece.
template <class T, class Work>
void for_each_piece(const fs::path& table, int64_t count, Work work) {
  const File file = File::open(table);
  std::vector<T> values;
  for (int64_t at = 0; at < count; at += static_cast<int64_t>(values.size())) {
    check_interrupt();
    values.resize(static_cast<size_t>(std::min(kTablePiece, count - at)));
    file.pread_exact(at * static_cast<int64_t>(sizeof(T)),
                     std::as_writable_bytes(std::span(values)));
    work(std::span<const T>(values));
  }
}

/// Whether the parts are counts that add up to the whole.
bool adds_up(std::span<const int32_t> parts, size_t whole) {
  return std::all_of(parts.begin(), parts.end(), [](int32_t each) { return each >= 0; }) &&
         std::accumulate(parts.begin(), parts.end(), size_t{0}, [](size_t sum, int32_t each) {
           return sum + static_cast<size_t>(each);
         }) == whole;
}

}  // namespace

GrowingDataset::GrowingDataset(const fs::path& prefix, TokenType type, const GrowthRecord& record)
    : type_(type),
      at_(record),
      bin_(bin_path(prefix), record.tokens * bytes_of(type)),
      lengths_(table_of(prefix, "lengths"),
               record.sequences * static_cast<int64_t>(sizeof(int32_t))),
      documents_(table_of(prefix, "documents"),
                 record.documents * static_cast<int64_t>(sizeof(int64_t))) {
  require_same(bin_, record.bin_hash);
  require_same(lengths_, record.lengths_hash);
  require_same(documents_, record.documents_hash);
}

void GrowingDataset::add(std::span<const int32_t> tokens, std::span<const int32_t> lengths,
                         std::span<const int32_t> documents) {
  require(adds_up(lengths, tokens.size()) && adds_up(documents, lengths.size()), Kind::internal,
          "{} tokens, {} sequences and {} documents do not add up", tokens.size(), lengths.size(),
          documents.size());
  const std::vector<int64_t> wide(tokens.begin(), tokens.end());
  std::vector<std::byte> elements(wide.size() * static_cast<size_t>(bytes_of(type_)));
  const size_t fitting = narrow(type_, wide, elements);
  if (fitting < wide.size())
    fail(Kind::mismatch,
         "the tokenizer gave token {}, which {} cannot hold: its vocabulary is not as large as it "
         "says; save it again with transformers",
         wide[fitting], name(type_));
  bin_.append(elements);
  lengths_.append_values(lengths);
  std::vector<int64_t> ends;
  ends.reserve(documents.size());
  for (const int32_t sequences : documents) ends.push_back(at_.sequences += sequences);
  documents_.append_values<int64_t>(ends);
  at_.tokens += static_cast<int64_t>(tokens.size());
  at_.documents += static_cast<int64_t>(documents.size());
}

GrowthRecord GrowingDataset::record() {
  for (GrowingFile* file : {&bin_, &lengths_, &documents_}) file->sync();
  at_.bin_hash = bin_.hash();
  at_.lengths_hash = lengths_.hash();
  at_.documents_hash = documents_.hash();
  return at_;
}

void GrowingDataset::finish(const fs::path& idx) {
  for (GrowingFile* file : {&bin_, &lengths_, &documents_}) file->close();
  IndexWriter index(idx, type_, at_.sequences, at_.documents + 1);
  const auto lengths = [&](auto work) {
    for_each_piece<int32_t>(lengths_.path(), at_.sequences, work);
  };
  lengths([&](std::span<const int32_t> next) { index.lengths(next); });
  lengths([&](std::span<const int32_t> next) { index.offsets(next); });
  constexpr int64_t kFirst = 0;
  index.boundaries(std::span(&kFirst, 1));
  for_each_piece<int64_t>(documents_.path(), at_.documents,
                          [&](std::span<const int64_t> next) { index.boundaries(next); });
  index.finish();
}

}  // namespace bascule
