#include "convert/block_codec.h"

#include <algorithm>
#include <cmath>

#include "convert/cast.h"

namespace bascule {

float fp8_scale(float largest) { return largest > 0 ? largest / 448.0f : 1.0f; }

uint8_t mx_scale(float largest) {
  if (!(largest > 0)) return 127;
  const int exponent = std::ilogb(largest) - 2;  // the largest E2M1 exponent is 2
  return static_cast<uint8_t>(std::clamp(exponent + 127, 0, 254));
}

void mx_encode(std::span<const float> values, uint8_t scale, std::span<uint8_t> out) {
  const float step = e8m0_to_float(scale);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<uint8_t>(float_to_e2m1(values[2 * i] / step) |
                                  float_to_e2m1(values[2 * i + 1] / step) << 4);
}

void mx_decode(std::span<const uint8_t> packed, uint8_t scale, std::span<float> out) {
  const float step = e8m0_to_float(scale);
  for (size_t i = 0; i < packed.size(); ++i) {
    out[2 * i] = e2m1_to_float(packed[i] & 15) * step;
    out[2 * i + 1] = e2m1_to_float(static_cast<uint8_t>(packed[i] >> 4)) * step;
  }
}

}  // namespace bascule
