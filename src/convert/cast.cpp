#include "convert/cast.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace bascule {
namespace {

/// A small float of `exponent` and `mantissa` bits as a float; no infinities when `finite`.
float small_to_float(uint32_t bits, int exponent, int mantissa, bool finite) {
  const uint32_t sign = bits >> (exponent + mantissa),
                 magnitude = bits & ((1u << (exponent + mantissa)) - 1);
  const uint32_t e = magnitude >> mantissa, m = magnitude & ((1u << mantissa) - 1);
  const int bias = (1 << (exponent - 1)) - 1;
  const uint32_t top = (1u << exponent) - 1;
  float value = 0;
  if (e == top && !finite)
    value = m ? NAN : INFINITY;
  else if (e == 0)
    value = std::ldexp(static_cast<float>(m), 1 - bias - mantissa);
  else
    value =
        std::ldexp(static_cast<float>(m | (1u << mantissa)), static_cast<int>(e) - bias - mantissa);
  return sign ? -value : value;
}

/// The nearest small float, ties to even; what is too large becomes `overflow`.
uint32_t float_to_small(float value, int exponent, int mantissa, uint32_t overflow, uint32_t nan) {
  const uint32_t sign = std::signbit(value) ? 1u << (exponent + mantissa) : 0;
  if (std::isnan(value)) return sign | nan;
  const int bias = (1 << (exponent - 1)) - 1;
  const double magnitude = std::fabs(static_cast<double>(value));
  if (std::isinf(magnitude)) return sign | overflow;
  int e = 0;
  std::frexp(magnitude, &e);  // magnitude in [2^(e-1), 2^e)
  const int step = std::max(e - 1, 1 - bias) - mantissa;
  const double scaled =
      std::nearbyint(std::ldexp(magnitude, -step));  // exact but for this rounding
  if (scaled == 0) return sign;
  // The code of a value is linear within a binade and continues into the next.
  const auto units = static_cast<int64_t>(scaled);
  const int64_t code = units + (static_cast<int64_t>(step + mantissa - (1 - bias)) << mantissa);
  return sign | (code >= static_cast<int64_t>(overflow) ? overflow : static_cast<uint32_t>(code));
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

double read_number(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::bf16:
      return bf16_to_float(load<uint16_t>(at));
    case DType::f16:
      return f16_to_float(load<uint16_t>(at));
    case DType::f32:
      return load<float>(at);
    case DType::f64:
      return load<double>(at);
    case DType::f8_e4m3:
      return e4m3_to_float(load<uint8_t>(at));
    case DType::f8_e5m2:
      return e5m2_to_float(load<uint8_t>(at));
    case DType::f8_e8m0:
      return e8m0_to_float(load<uint8_t>(at));
    default:
      return 0;
  }
}

void write_number(DType dtype, std::byte* at, double value) {
  // f64 to a 16-bit float rounds once only when it goes through float without loss; torch too
  // rounds f64 to f32 first.
  const auto single = static_cast<float>(value);
  switch (dtype) {
    case DType::bf16:
      return store(at, float_to_bf16(single));
    case DType::f16:
      return store(at, float_to_f16(single));
    case DType::f32:
      return store(at, single);
    case DType::f64:
      return store(at, value);
    case DType::f8_e4m3:
      return store(at, float_to_e4m3(single));
    case DType::f8_e5m2:
      return store(at, float_to_e5m2(single));
    default:
      return;
  }
}

bool is_float(DType dtype) {
  return dtype == DType::bf16 || dtype == DType::f16 || dtype == DType::f32 ||
         dtype == DType::f64 || dtype == DType::f8_e4m3 || dtype == DType::f8_e5m2;
}

}  // namespace

float bf16_to_float(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float f16_to_float(uint16_t bits) { return small_to_float(bits, 5, 10, false); }
uint16_t float_to_f16(float value) {
  return static_cast<uint16_t>(float_to_small(value, 5, 10, 0x7C00, 0x7E00));
}

// E4M3 (OCP OFP8): no infinity, 448 is the largest, S.1111.111 is NaN. torch saturates to NaN.
float e4m3_to_float(uint8_t bits) {
  return (bits & 0x7F) == 0x7F ? NAN : small_to_float(bits, 4, 3, true);
}
uint8_t float_to_e4m3(float value) {
  return static_cast<uint8_t>(float_to_small(value, 4, 3, 0x7F, 0x7F));
}

float e5m2_to_float(uint8_t bits) { return small_to_float(bits, 5, 2, false); }
uint8_t float_to_e5m2(float value) {
  return static_cast<uint8_t>(float_to_small(value, 5, 2, 0x7C, 0x7F));
}

// E8M0 (OCP MX): a power of two, 255 is NaN.
float e8m0_to_float(uint8_t bits) {
  return bits == 255 ? NAN : std::ldexp(1.0f, static_cast<int>(bits) - 127);
}

// E2M1 (OCP MX): 0, 0.5, 1, 1.5, 2, 3, 4, 6; the largest is kept for what is larger.
float e2m1_to_float(uint8_t bits) { return small_to_float(bits & 15, 2, 1, true); }
uint8_t float_to_e2m1(float value) {
  return static_cast<uint8_t>(float_to_small(value, 2, 1, 7, 7));
}

bool can_cast(DType from, DType to) { return from == to || (is_float(from) && is_float(to)); }

int64_t cast(DType from, std::span<const std::byte> in, DType to, std::span<std::byte> out) {
  require(can_cast(from, to), Kind::unsupported, "{} cannot be converted to {}", torch_name(from),
          torch_name(to));
  if (from == to) {
    std::memcpy(out.data(), in.data(), in.size());
    return -1;
  }
  const size_t in_step = static_cast<size_t>(bits(from)) / 8,
               out_step = static_cast<size_t>(bits(to)) / 8;
  const size_t count = in.size() / in_step;
  if (from == DType::bf16 && to == DType::f32) {
    for (size_t i = 0; i < count; ++i)
      store(out.data() + i * 4, bf16_to_float(load<uint16_t>(in.data() + i * 2)));
    return -1;
  }
  // One test for all, so that the loops stay simple: what becomes infinite is looked for only where
  // something did.
  bool overflown = false;
  if (from == DType::f32 && to == DType::bf16) {
    for (size_t i = 0; i < count; ++i) {
      const uint16_t bits = float_to_bf16(load<float>(in.data() + i * 4));
      overflown |= (bits & 0x7F80) == 0x7F80;
      store(out.data() + i * 2, bits);
    }
  } else {
    for (size_t i = 0; i < count; ++i) {
      write_number(to, out.data() + i * out_step, read_number(from, in.data() + i * in_step));
      overflown |= !std::isfinite(read_number(to, out.data() + i * out_step));
    }
  }
  for (size_t i = 0; overflown && i < count; ++i)
    if (std::isfinite(read_number(from, in.data() + i * in_step)) &&
        !std::isfinite(read_number(to, out.data() + i * out_step)))
      return static_cast<int64_t>(i);
  return -1;
}

std::string element_text(DType dtype, std::span<const std::byte> data, int64_t index) {
  if (bits(dtype) < 8) return "?";
  const std::byte* at =
      data.data() + static_cast<size_t>(index) * static_cast<size_t>(bits(dtype)) / 8;
  switch (dtype) {
    case DType::boolean:
      return load<uint8_t>(at) ? "true" : "false";
    case DType::u8:
      return fmt::format("{}", load<uint8_t>(at));
    case DType::i8:
      return fmt::format("{}", load<int8_t>(at));
    case DType::u16:
      return fmt::format("{}", load<uint16_t>(at));
    case DType::i16:
      return fmt::format("{}", load<int16_t>(at));
    case DType::u32:
      return fmt::format("{}", load<uint32_t>(at));
    case DType::i32:
      return fmt::format("{}", load<int32_t>(at));
    case DType::u64:
      return fmt::format("{}", load<uint64_t>(at));
    case DType::i64:
      return fmt::format("{}", load<int64_t>(at));
    case DType::f64:
      return fmt::format("{}", load<double>(at));
    case DType::c64:
      return fmt::format("{}+{}j", load<float>(at), load<float>(at + 4));
    case DType::f8_e4m3fnuz:
    case DType::f8_e5m2fnuz:
      return fmt::format("0x{:02x}", load<uint8_t>(at));
    default:
      return fmt::format("{}", static_cast<float>(read_number(dtype, at)));
  }
}

}  // namespace bascule
