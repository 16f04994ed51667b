// Conversion between element types, for --dtype. Round to nearest even, as torch's Tensor.to().
#pragma once

#include <cstddef>
#include <span>

#include "store/dtype.h"

namespace bascule {

/// Whether values of `from` can be written as `to`: any of bf16, f16, f32, f64 and the two OCP
/// 8-bit floats, and every type as itself.
bool can_cast(DType from, DType to);

/// Converts dense elements. Throws Error{unsupported} when the types cannot be converted; sizes
/// must fit. Returns the first element that is a finite number, but too large for `to` to hold one;
/// -1 where there is none. (What is infinite or no number already stays so.)
int64_t cast(DType from, std::span<const std::byte> in, DType to, std::span<std::byte> out);

/// One element as text, to show a difference: "0.0625", "3", "true".
std::string element_text(DType dtype, std::span<const std::byte> data, int64_t index);

/// Scalar conversions, bit for bit as IEEE 754 and the OCP 8-bit specification have them.
float bf16_to_float(uint16_t bits);
uint16_t float_to_bf16(float value);
float f16_to_float(uint16_t bits);
uint16_t float_to_f16(float value);
float e4m3_to_float(uint8_t bits);
uint8_t float_to_e4m3(float value);
float e5m2_to_float(uint8_t bits);
uint8_t float_to_e5m2(float value);
float e8m0_to_float(uint8_t bits);
float e2m1_to_float(uint8_t bits);
uint8_t float_to_e2m1(float value);

}  // namespace bascule
