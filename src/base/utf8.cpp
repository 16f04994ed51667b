#include "base/utf8.h"

#include <cstdint>

namespace bascule {

size_t end_of_utf8(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  size_t at = 0;
  while (at < text.size()) {
    const uint8_t first = byte(at);
    const size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() - at <= more)
      break;
    // The second byte has a smaller range where a code would be overlong, a surrogate or too large.
    const uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (more > 0 && (byte(at + 1) < least || byte(at + 1) > most)) break;
    if (more > 1 && (byte(at + 2) & 0xC0) != 0x80) break;
    if (more > 2 && (byte(at + 3) & 0xC0) != 0x80) break;
    at += more + 1;
  }
  return at;
}

}  // namespace bascule
