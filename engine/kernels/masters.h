// fp32 masters of bf16 parameters, kept as the 16 bits that the parameters lack (Megatron's
// store_param_remainders): the bits of a master are those of its parameter times 2^16, plus the
// remainder, from -2^15 up. So a parameter is its master rounded to the nearest, ties away from
// zero. Who sets a parameter moves its master there, to less than half a unit of its last place.
// Free functions without state.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// So many masters are made at once, lest they take memory that is not theirs.
inline int64_t masters_at_once(at::Device device) {
  return int64_t{1} << (device.is_cuda() ? 22 : 18);
}

/// The masters, fp32. `parameters` are bf16 and `remainders` int16, of one shape. A zero with a
/// remainder below it is a parameter that another hand has set, and its master is zero.
at::Tensor masters_of(const at::Tensor& parameters, const at::Tensor& remainders);

/// Keeps `masters`, fp32, in both, which are of its shape, dense, and on its device.
void keep_masters(const at::Tensor& masters, const at::Tensor& parameters,
                  const at::Tensor& remainders);

}  // namespace bascule
