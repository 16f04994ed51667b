#include "data/token_type.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/check.h"

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

namespace bascule {
namespace {

struct Named {
  TokenType type;
  std::string_view name;
  int64_t bytes;
  bool tokens;
};

constexpr std::array kTypes = {
    Named{TokenType::u8, "uint8", 1, true},     Named{TokenType::i8, "int8", 1, true},
    Named{TokenType::i16, "int16", 2, true},    Named{TokenType::i32, "int32", 4, true},
    Named{TokenType::i64, "int64", 8, true},    Named{TokenType::f64, "float64", 8, false},
    Named{TokenType::f32, "float32", 4, false}, Named{TokenType::u16, "uint16", 2, true},
};

const Named& facts(TokenType type) { return kTypes.at(static_cast<size_t>(type) - 1); }

/// Calls `work` with a value of the C++ type behind `type`.
template <class Work>
void with_type(TokenType type, Work&& work) {
  switch (type) {
    case TokenType::u8:
      return work(uint8_t{});
    case TokenType::i8:
      return work(int8_t{});
    case TokenType::i16:
      return work(int16_t{});
    case TokenType::i32:
      return work(int32_t{});
    case TokenType::i64:
      return work(int64_t{});
    case TokenType::u16:
      return work(uint16_t{});
    case TokenType::f64:
    case TokenType::f32:
      break;
  }
  fail(Kind::unsupported, "elements of type {} are no tokens", name(type));
}

}  // namespace

std::optional<TokenType> token_type(uint8_t code) {
  if (code < 1 || code > kTypes.size()) return std::nullopt;
  return static_cast<TokenType>(code);
}

std::string_view name(TokenType type) { return facts(type).name; }
int64_t bytes_of(TokenType type) { return facts(type).bytes; }
bool holds_tokens(TokenType type) { return facts(type).tokens; }

TokenType type_for_vocabulary(int64_t vocabulary) {
  return vocabulary < 65500 ? TokenType::u16 : TokenType::i32;
}

void widen(TokenType type, std::span<const std::byte> from, std::span<int64_t> out) {
  require(from.size() == out.size() * static_cast<size_t>(bytes_of(type)), Kind::internal,
          "{} bytes for {} elements of {}", from.size(), out.size(), name(type));
  with_type(type, [&](auto element) {
    for (size_t i = 0; i < out.size(); ++i) {
      std::memcpy(&element, from.data() + i * sizeof element, sizeof element);
      out[i] = element;  // NOLINT(bugprone-signed-char-misuse): int8 has a sign
    }
  });
}

size_t narrow(TokenType type, std::span<const int64_t> tokens, std::span<std::byte> to) {
  require(to.size() == tokens.size() * static_cast<size_t>(bytes_of(type)), Kind::internal,
          "{} bytes for {} elements of {}", to.size(), tokens.size(), name(type));
  size_t fitting = 0;
  with_type(type, [&](auto element) {
    using Element = decltype(element);
    for (; fitting < tokens.size(); ++fitting) {
      const int64_t token = tokens[fitting];
      if (token < std::numeric_limits<Element>::min() ||
          token > std::numeric_limits<Element>::max())
        return;
      element = static_cast<Element>(token);
      std::memcpy(to.data() + fitting * sizeof element, &element, sizeof element);
    }
  });
  return fitting;
}

}  // namespace bascule
