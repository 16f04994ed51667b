// The element types of an indexed dataset, by their codes in the .idx file. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bascule {

/// The values are the codes in the file.
enum class TokenType : uint8_t { u8 = 1, i8, i16, i32, i64, f64, f32, u16 };

/// The type that a code stands for; none for an unknown one.
std::optional<TokenType> token_type(uint8_t code);

std::string_view name(TokenType type);  // numpy's: "uint16"
int64_t bytes_of(TokenType type);
/// Whether elements can be tokens: whole numbers.
bool holds_tokens(TokenType type);

/// The type that Megatron stores a vocabulary of this size in: uint16 below 65,500, else int32.
TokenType type_for_vocabulary(int64_t vocabulary);

/// Widens little-endian elements of a type that holds tokens; `from` has out.size() of them, and
/// may be at any address.
void widen(TokenType type, std::span<const std::byte> from, std::span<int64_t> out);

/// Writes tokens as elements of `type`. Returns the index of the first one that the type cannot
/// hold; tokens.size() when all fit.
size_t narrow(TokenType type, std::span<const int64_t> tokens, std::span<std::byte> to);

}  // namespace bascule
