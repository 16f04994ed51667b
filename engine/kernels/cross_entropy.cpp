#include "kernels/cross_entropy.h"

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"
#include "kernels/log_sum.h"

namespace bascule {

using at::Tensor;

Tensor cross_entropy(Tensor& logits, const Tensor& labels, const Tensor& weights,
                     std::optional<double> soft_cap, std::optional<double> scale) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(logits)) return cuda::cross_entropy(logits, labels, weights, soft_cap, scale);
  const at::ScalarType stored = logits.scalar_type();
  Tensor z = logits.to(compute_type(logits));
  if (soft_cap) z.div_(*soft_cap).tanh_();  // the slope needs the tanh itself
  Tensor capped = soft_cap ? z * *soft_cap : z;
  const Tensor log_sum = log_sum_exp_by_rows(capped);
  const Tensor columns = labels.unsqueeze(1);
  Tensor losses = log_sum - capped.gather(1, columns).squeeze(1);
  if (!scale) return losses;

  const Tensor rows = (weights * *scale).unsqueeze(1);
  Tensor gradient = capped.sub_(log_sum.unsqueeze(1)).exp_();
  gradient.scatter_add_(1, columns, at::full_like(columns, -1, gradient.options()));
  gradient.mul_(rows);
  if (soft_cap) gradient.mul_(1 - z.square());
  logits = gradient.to(stored);
  return losses;
}

}  // namespace bascule
