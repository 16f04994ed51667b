#include "data/index_view.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace bascule {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr uint64_t kVersion = 1;
constexpr int64_t kHeader = 34;  // magic, version, type, two counts
constexpr int64_t kLargestFile = std::numeric_limits<int64_t>::max();

// Nothing in the file is aligned.
template <class T>
T value_at(std::span<const std::byte> bytes, int64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void append_value(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

IndexView::IndexView(std::span<const std::byte> bytes, int64_t bin_bytes, const std::string& idx,
                     const std::string& bin)
    : bytes_(bytes) {
  const int64_t size = static_cast<int64_t>(bytes.size());
  const size_t begins = std::min(bytes.size(), kMagic.size());
  require(begins > 0 && std::memcmp(bytes.data(), kMagic.data(), begins) == 0, Kind::format,
          "{} is not the index of an indexed dataset: it does not begin with MMIDIDX", idx);
  require(size >= kHeader, Kind::format, "{} is {} bytes long, its header alone takes {}", idx,
          size, kHeader);
  const auto version = value_at<uint64_t>(bytes, 9);
  require(version == kVersion, Kind::format, "{} has version {}, only {} is known", idx, version,
          kVersion);
  const auto code = value_at<uint8_t>(bytes, 17);
  const std::optional<TokenType> type = token_type(code);
  require(type.has_value(), Kind::format, "{}: element type {} is not known, they are 1 to 8", idx,
          code);
  type_ = *type;
  check_counts(idx);
  check_documents(idx);
  check_sequences(bin_bytes, idx, bin);
}

void IndexView::check_counts(const std::string& idx) {
  const int64_t size = static_cast<int64_t>(bytes_.size());
  const auto sequences = value_at<uint64_t>(bytes_, 18),
             boundaries = value_at<uint64_t>(bytes_, 26);
  const auto room = static_cast<uint64_t>(size - kHeader);
  // Divisions, so that no product of hostile counts can overflow.
  require(sequences <= room / 12, Kind::format,
          "{}: {} sequences take 12 bytes each, but the file is {} bytes long; it is truncated",
          idx, sequences, size);
  require(boundaries >= 1 && boundaries <= (room - sequences * 12) / 8, Kind::format,
          "{}: {} document boundaries of 8 bytes and {} sequences of 12, but the file is {} bytes "
          "long",
          idx, boundaries, sequences, size);
  sequences_ = static_cast<int64_t>(sequences);
  boundaries_ = static_cast<int64_t>(boundaries);
  const int64_t table = kHeader + 12 * sequences_ + 8 * boundaries_;
  has_modes_ = sequences_ > 0 && size == table + sequences_;
  require(size == table || has_modes_, Kind::format,
          "{} is {} bytes long, but {} sequences and {} document boundaries take {}", idx, size,
          sequences_, boundaries_, table);
}

void IndexView::check_documents(const std::string& idx) const {
  int64_t before = 0;
  for (int64_t i = 0; i < boundaries_; ++i) {
    const int64_t begin = document_begin(i);
    require(i > 0 || begin == 0, Kind::format,
            "{}: the first document begins with sequence {} instead of 0", idx, begin);
    require(begin >= before && begin <= sequences_, Kind::format,
            "{}: document {} begins with sequence {}, after {} and with {} sequences in all", idx,
            i, begin, before, sequences_);
    before = begin;
  }
  require(before == sequences_, Kind::format,
          "{}: the last document ends with sequence {}, but there are {}", idx, before, sequences_);
}

void IndexView::check_sequences(int64_t bin_bytes, const std::string& idx, const std::string& bin) {
  const int64_t element = bytes_of(type_);
  int64_t end = 0, last = 0;
  for (int64_t i = 0; i < sequences_; ++i) {
    const int64_t tokens = length(i), begin = offset(i);
    require(tokens >= 0, Kind::format, "{}: sequence {} has {} tokens", idx, i, tokens);
    require(begin >= 0 && begin <= kLargestFile - tokens * element, Kind::format,
            "{}: sequence {} of {} tokens begins at byte {}", idx, i, tokens, begin);
    require(tokens_ <= kLargestFile - tokens, Kind::format, "{}: more than {} tokens in all", idx,
            kLargestFile);
    tokens_ += tokens;
    if (begin + tokens * element <= end) continue;
    end = begin + tokens * element;
    last = i;
  }
  require(end <= bin_bytes, Kind::format,
          "{} is short: {} bytes, but sequence {} in {} ends at byte {}; copy or make it again",
          bin, bin_bytes, last, idx, end);
}

int32_t IndexView::length(int64_t sequence) const {
  return value_at<int32_t>(bytes_, kHeader + 4 * sequence);
}

int64_t IndexView::offset(int64_t sequence) const {
  return value_at<int64_t>(bytes_, kHeader + 4 * sequences_ + 8 * sequence);
}

int64_t IndexView::document_begin(int64_t document) const {
  return value_at<int64_t>(bytes_, kHeader + 12 * sequences_ + 8 * document);
}

std::string index_header(TokenType type, int64_t sequences, int64_t boundaries) {
  std::string header(kMagic);
  append_value(header, kVersion);
  append_value(header, static_cast<uint8_t>(type));
  append_value(header, static_cast<uint64_t>(sequences));
  append_value(header, static_cast<uint64_t>(boundaries));
  return header;
}

}  // namespace bascule
