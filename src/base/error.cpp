#include "bascule/error.h"

#include <algorithm>
#include <utility>

namespace bascule {
namespace {

bool steers(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return (byte < 0x20 && letter != '\n' && letter != '\t') || byte == 0x7f;
}

/// Control characters as \xNN: what a file made up neither ends what() nor steers a terminal.
std::string without_controls(std::string text) {
  if (std::ranges::none_of(text, steers)) return text;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (steers(letter))
      (out += "\\x") += {kDigits[byte / 16], kDigits[byte % 16]};
    else
      out += letter;
  }
  return out;
}

}  // namespace

int exit_code(Kind kind) {
  switch (kind) {
    case Kind::user:
      return 2;
    case Kind::format:
      return 3;
    case Kind::mismatch:
      return 4;
    case Kind::unsupported:
      return 5;
    case Kind::environment:
      return 6;
    case Kind::internal:
      return 70;
    case Kind::interrupted:
      return 130;
  }
  return 70;
}

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::user:
      return "user";
    case Kind::format:
      return "format";
    case Kind::mismatch:
      return "mismatch";
    case Kind::unsupported:
      return "unsupported";
    case Kind::environment:
      return "environment";
    case Kind::internal:
      return "internal";
    case Kind::interrupted:
      return "interrupted";
  }
  return "internal";
}

Error::Error(Kind kind, std::string message)
    : kind_(kind), message_(without_controls(std::move(message))), whole_(message_) {}

Error Error::within(std::string_view doing) const {
  Error outer = *this;
  outer.whole_ = without_controls(std::string(doing)) + ": " + whole_;
  return outer;
}

}  // namespace bascule
