// The dtype in which reductions, norms, softmax and rotations are computed.
#pragma once

#include <ATen/ATen.h>

namespace bascule {

/// fp64 for fp64, which tests use; fp32 for all that is narrower.
inline at::ScalarType compute_type(at::ScalarType stored) {
  return stored == at::kDouble ? at::kDouble : at::kFloat;
}
inline at::ScalarType compute_type(const at::Tensor& tensor) {
  return compute_type(tensor.scalar_type());
}

}  // namespace bascule
