#include "kernels/masters.h"

#include <cmath>

namespace bascule {
namespace {

using at::Tensor;

constexpr int kBits = 16;

}  // namespace

Tensor masters_of(const Tensor& parameters, const Tensor& remainders) {
  const Tensor foreign = parameters.eq(0).logical_and_(remainders.lt(0));
  Tensor bits = parameters.view(at::kShort).to(at::kInt).bitwise_left_shift_(kBits);
  return bits.add_(remainders.masked_fill(foreign, 0)).view(at::kFloat);
}

// What is not a number becomes the one whose upper half is none, either.
void keep_masters(const Tensor& masters, const Tensor& parameters, const Tensor& remainders) {
  Tensor bits = masters.masked_fill(masters.isnan(), std::nan("")).view(at::kInt);
  remainders.copy_(bits);
  parameters.view(at::kShort).copy_(bits.sub_(remainders).bitwise_right_shift_(kBits));
}

}  // namespace bascule
