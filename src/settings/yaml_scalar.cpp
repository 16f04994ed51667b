#include "settings/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

namespace bascule {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Digits of a base with YAML 1.1's underscores, as an int64; nothing if it is no such number.
std::optional<Tree> integer(std::string_view text) {
  std::string digits;
  const bool negative = text.starts_with('-');
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.starts_with("0b")) {
    base = 2;
    text.remove_prefix(2);
  } else if (text.starts_with("0o")) {
    base = 8;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (text.empty() || text[0] == '_') return std::nullopt;
  if (negative) digits = "-";
  for (const char c : text)
    if (c != '_') digits += c;
  int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error == std::errc::result_out_of_range && stop == end && base == 10)
    return Tree(std::strtod(digits.c_str(), nullptr));
  if (error != std::errc() || stop != end) return std::nullopt;
  return Tree(value);
}

/// digits [. digits] [e [sign] digits], with a dot or an exponent, and a digit before the exponent.
std::optional<Tree> real(std::string_view text) {
  std::string plain;
  for (const char c : text)
    if (c != '_') plain += c;
  std::string_view rest = plain;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (one_of(rest, {".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Tree(plain[0] == '-' ? -infinity : infinity);
  }
  if (one_of(plain, {".nan", ".NaN", ".NAN"}))
    return Tree(std::numeric_limits<double>::quiet_NaN());
  size_t at = 0, digits = 0;
  bool dot = false, exponent = false;
  for (; at < rest.size() && (digit(rest[at]) || (rest[at] == '.' && !dot)); ++at) {
    dot |= rest[at] == '.';
    digits += digit(rest[at]);
  }
  if (digits == 0) return std::nullopt;
  if (at < rest.size() && (rest[at] == 'e' || rest[at] == 'E')) {
    exponent = true;
    ++at;
    if (at < rest.size() && (rest[at] == '-' || rest[at] == '+')) ++at;
    const size_t first = at;
    while (at < rest.size() && digit(rest[at])) ++at;
    if (at == first) return std::nullopt;
  }
  if (at != rest.size() || !(dot || exponent)) return std::nullopt;
  return Tree(std::strtod(plain.c_str(), nullptr));
}

/// "1:30" is 90 in YAML 1.1, "2024-01-31" is a date; both stay text here.
bool sexagesimal_or_date(std::string_view text) {
  if (text.empty() || !(digit(text[0]) || text[0] == '-' || text[0] == '+')) return false;
  return std::all_of(text.begin() + 1, text.end(), [](char c) {
    return digit(c) || one_of({&c, 1}, {":", "-", ".", "_", "+", "T", "t", "Z", " "});
  });
}

}  // namespace

Tree plain_scalar(std::string_view text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}))
    return false;
  if (digit(text[0]) || text[0] == '-' || text[0] == '+' || text[0] == '.') {
    if (auto number = integer(text)) return *number;
    if (auto number = real(text)) return *number;
  }
  return std::string(text);
}

bool ambiguous_plain(std::string_view text) {
  return plain_scalar(text).type() != Tree::Type::string || sexagesimal_or_date(text) ||
         one_of(text, {"=", "<<"});
}

}  // namespace bascule
