#include "data/npy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/shown.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNpyMagic("\x93NUMPY\x01\x00", 8);  // with version 1.0
constexpr size_t kNpyPrefix = 10;                              // and the header's length
constexpr size_t kNpyAlignment = 64;
constexpr size_t kGrowth = 21;  // numpy leaves room for a longer first extent
constexpr size_t kMostDims = 2;

/// Walks through a Python literal.
class Literal {
 public:
  Literal(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  bool skip(std::string_view token) {
    blanks();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    require(skip(token), Kind::format, "{}: the header has {} where {} belongs", where_,
            shown(rest_, 40), shown(token));
  }
  std::string quoted() {
    expect("'");
    const size_t end = rest_.find('\'');
    require(end != std::string_view::npos, Kind::format, "{}: a name in the header does not end",
            where_);
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  int64_t number() {
    blanks();
    int64_t value = 0;
    const auto [stop, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    require(problem == std::errc() && value >= 0, Kind::format,
            "{}: the header has {} where an extent belongs", where_, shown(rest_, 40));
    rest_.remove_prefix(static_cast<size_t>(stop - rest_.data()));
    return value;
  }
  void end() {
    blanks();
    require(rest_.empty(), Kind::format, "{}: the header goes on with {}", where_,
            shown(rest_, 40));
  }

 private:
  void blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  std::string_view rest_;
  const std::string& where_;
};

std::vector<int64_t> read_shape(Literal& literal, const std::string& where) {
  std::vector<int64_t> shape;
  literal.expect("(");
  while (!literal.skip(")")) {
    shape.push_back(literal.number());
    require(shape.size() <= kMostDims, Kind::format, "{}: more than {} dimensions", where,
            kMostDims);
    if (!literal.skip(",")) {
      literal.expect(")");
      break;
    }
  }
  return shape;
}

NpyHeader read_dictionary(std::string_view text, const std::string& where) {
  NpyHeader header;
  int descr = 0, order = 0, shape = 0;
  Literal literal(text, where);
  literal.expect("{");
  while (!literal.skip("}")) {
    const std::string key = literal.quoted();
    literal.expect(":");
    if (key == "descr") {
      header.dtype = literal.quoted();
      ++descr;
    } else if (key == "fortran_order") {
      literal.expect("False");
      ++order;
    } else if (key == "shape") {
      header.shape = read_shape(literal, where);
      ++shape;
    } else {
      fail(Kind::format, "{}: the header has an unknown key {}", where, shown(key));
    }
    if (!literal.skip(",")) {
      literal.expect("}");
      break;
    }
  }
  literal.end();
  require(descr == 1 && order == 1 && shape == 1, Kind::format,
          "{}: the header does not have descr, fortran_order and shape once each", where);
  return header;
}

int64_t element_bytes(const std::string& dtype, const std::string& where) {
  constexpr std::array<std::string_view, 6> kKnown = {"<i2", "<u2", "<i4", "<u4", "<i8", "<u8"};
  require(std::find(kKnown.begin(), kKnown.end(), dtype) != kKnown.end(), Kind::format,
          "{}: element type {} is no whole number of an index", where, shown(dtype));
  return dtype[2] - '0';
}

}  // namespace

NpyHeader parse_npy(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require(text.size() >= kNpyPrefix && text.starts_with(kNpyMagic), Kind::format,
          "{} is not a .npy file of version 1.0", where);
  const size_t length = static_cast<unsigned char>(text[8]) +
                        256 * static_cast<size_t>(static_cast<unsigned char>(text[9]));
  require(length <= text.size() - kNpyPrefix, Kind::format,
          "{}: a header of {} bytes does not fit the file of {}", where, length, text.size());
  NpyHeader header = read_dictionary(text.substr(kNpyPrefix, length), where);
  header.data_begin = static_cast<int64_t>(kNpyPrefix + length);
  const int64_t element = element_bytes(header.dtype, where);
  require(header.data_begin % element == 0, Kind::format,
          "{}: data of {}-byte elements begins at byte {}", where, element, header.data_begin);
  const auto room = static_cast<int64_t>(text.size()) - header.data_begin;
  int64_t elements = 1;
  for (const int64_t extent : header.shape) {
    require(extent == 0 || elements <= std::numeric_limits<int64_t>::max() / 8 / extent,
            Kind::format, "{}: the shape ({}) is too large", where, fmt::join(header.shape, ", "));
    elements *= extent;
  }
  require(elements * element == room, Kind::format,
          "{}: shape ({}) of {} takes {} bytes, the file has {} behind its header", where,
          fmt::join(header.shape, ", "), header.dtype, elements * element, room);
  return header;
}

std::string npy_header(std::string_view dtype, const std::vector<int64_t>& shape) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 dtype, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  if (!shape.empty()) text.append(kGrowth - std::to_string(shape.front()).size(), ' ');
  const size_t unpadded = kNpyPrefix + text.size() + 1;
  text.append((kNpyAlignment - unpadded % kNpyAlignment) % kNpyAlignment, ' ');
  text += '\n';
  std::string header(kNpyMagic);
  header += static_cast<char>(text.size() % 256);
  header += static_cast<char>(text.size() / 256);
  return header + text;
}

NpyHeader required_npy(std::span<const std::byte> bytes, std::string_view dtype,
                       const std::vector<int64_t>& shape, const std::string& where) try {
  NpyHeader header = parse_npy(bytes, where);
  require(header.dtype == dtype && header.shape == shape, Kind::format,
          "{} holds {} of shape ({}), but {} of shape ({}) belongs there", where, header.dtype,
          fmt::join(header.shape, ", "), dtype, fmt::join(shape, ", "));
  return header;
} catch (const Error& error) {
  fail(error.kind(), "{}; remove it, and it is made again", error.what());
}

void write_npy(const fs::path& path, std::string_view dtype, const std::vector<int64_t>& shape,
               std::span<const std::byte> data) {
  write_file_atomically(path, npy_header(dtype, shape), data);
}

}  // namespace bascule
