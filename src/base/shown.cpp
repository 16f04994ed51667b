#include "base/shown.h"

#include <fmt/format.h>

#include <algorithm>

namespace bascule {
namespace {

// The length of the printable UTF-8 character that `text` begins with, or 0.
size_t printable(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7f ? 1 : 0;
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc2 ? 2 : 0;
  if (length == 0 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (length == 2 && byte(0) == 0xc2 && byte(1) < 0xa0) return 0;  // C1 controls
  // U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: what turns the direction of text.
  const bool turns = length == 3 && byte(0) == 0xe2 &&
                     ((byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f ||
                                           (byte(2) >= 0xaa && byte(2) <= 0xae))) ||
                      (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9));
  return turns ? 0 : length;
}

}  // namespace

std::string shown(std::string_view text, size_t limit) {
  std::string out = "\"";
  size_t at = 0;
  while (at < text.size() && at < limit) {
    if (text[at] == '"' || text[at] == '\\') out += '\\';
    const size_t length = printable(text.substr(at));
    if (length == 0)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    else
      out += text.substr(at, length);
    at += std::max<size_t>(1, length);
  }
  out += at < text.size() ? "...\"" : "\"";
  return out;
}

}  // namespace bascule
