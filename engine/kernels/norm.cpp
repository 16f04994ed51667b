#include "kernels/norm.h"

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

namespace bascule {
namespace {

using at::Tensor;

Tensor gain(const Norm& norm, const Tensor& weight, at::ScalarType type) {
  const Tensor wide = weight.to(type);
  return norm.zero_centred ? wide + 1 : wide;
}

Tensor normalized(const Tensor& x, const NormStatistics& statistics) {
  const Tensor wide = x.to(compute_type(x));
  return (statistics.mean.defined() ? wide - statistics.mean : wide) * statistics.scale;
}

/// The sum over all dimensions but the last.
Tensor summed(const Tensor& values) { return values.reshape({-1, values.size(-1)}).sum(0); }

}  // namespace

Tensor norm_forward(const Norm& norm, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    NormStatistics& statistics) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(norm, x, bias.defined()))
      return cuda::rms_forward(norm, x, weight, statistics);
  const at::ScalarType type = compute_type(x);
  Tensor centred = x.to(type);
  if (norm.kind == Norm::Kind::layer) {
    statistics.mean = centred.mean(-1, true);
    centred = centred - statistics.mean;
  }
  statistics.scale = centred.square().mean(-1, true).add_(norm.eps).rsqrt_();
  Tensor y = (centred * statistics.scale).mul_(gain(norm, weight, type));
  if (bias.defined()) y.add_(bias.to(type));
  return y.to(x.scalar_type());
}

NormGradients norm_backward(const Norm& norm, const Tensor& dy, const Tensor& x,
                            const Tensor& weight, bool has_bias, const NormStatistics& statistics,
                            const Tensor& plus, const Tensor& into) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(norm, x, has_bias))
      return cuda::rms_backward(norm, dy, x, weight, statistics, plus, into);
  const at::ScalarType type = compute_type(x);
  const Tensor wide = dy.to(type), unit = normalized(x, statistics);
  NormGradients gradients;
  gradients.weight = summed(wide * unit);
  if (has_bias) gradients.bias = summed(wide);
  const Tensor inner = wide * gain(norm, weight, type);
  Tensor dx = inner - unit * (inner * unit).mean(-1, true);
  if (norm.kind == Norm::Kind::layer) dx.sub_(inner.mean(-1, true));
  gradients.x = dx.mul_(statistics.scale).to(x.scalar_type());
  if (plus.defined()) gradients.x = plus + gradients.x;
  if (into.defined()) into.copy_(gradients.x);
  return gradients;
}

}  // namespace bascule
