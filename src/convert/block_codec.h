// The arithmetic of block codecs, on blocks in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bascule {

inline constexpr int64_t kFp8Block = 128;
inline constexpr int64_t kMxBlock = 32;

/// The scale that lets the largest of these values be the largest E4M3 value (448); 1 for zeros.
float fp8_scale(float largest);

/// The exponent byte (E8M0) that lets values up to `largest` be E2M1: floor(log2(largest)) - 2.
uint8_t mx_scale(float largest);

/// Packs 32 values into 16 bytes, and back.
void mx_encode(std::span<const float> values, uint8_t scale, std::span<uint8_t> out);
void mx_decode(std::span<const uint8_t> packed, uint8_t scale, std::span<float> out);

}  // namespace bascule
