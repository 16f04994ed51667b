#include "kernels/router.h"

#include "kernels/compute_type.h"

namespace bascule {
namespace {

using at::Tensor;

/// The scores that the choice sees, those outside of the best groups put last.
Tensor choosing(const Moe& moe, const Tensor& scores, const Tensor& bias) {
  Tensor seen = bias.defined() ? scores + bias.to(scores.scalar_type()) : scores;
  if (moe.groups <= 1) return seen;
  const Tensor grouped = seen.view({seen.size(0), moe.groups, -1});
  // A group counts as the sum of its best two.
  const Tensor group_scores = std::get<0>(grouped.topk(2, -1)).sum(-1);
  const Tensor best = std::get<1>(group_scores.topk(moe.group_top_k, -1));
  const Tensor kept =
      at::zeros_like(group_scores, at::TensorOptions(at::kBool)).scatter(1, best, true);
  return at::where(kept.unsqueeze(-1).expand_as(grouped).reshape(seen.sizes()), seen, 0.0);
}

/// The gradient of softmax or sigmoid scores, taken to the logits.
Tensor to_logits(const Moe& moe, const Tensor& dscores, const Tensor& scores) {
  if (moe.score == Moe::Score::sigmoid) return dscores * scores * (1 - scores);
  return scores * (dscores - (dscores * scores).sum(-1, true));
}

constexpr double kTiny = 1e-20;  // keeps the sum of chosen sigmoids from being zero

}  // namespace

Routing route(const Moe& moe, const Tensor& logits, const Tensor& bias) {
  const Tensor z = logits.to(compute_type(logits));
  Routing routing;
  routing.scores = moe.score == Moe::Score::sigmoid ? z.sigmoid() : z.softmax(-1);
  routing.experts = std::get<1>(choosing(moe, routing.scores, bias).topk(moe.top_k, -1));
  routing.weights = routing.scores.gather(1, routing.experts);
  if (moe.norm_top_k) routing.weights = routing.weights / (routing.weights.sum(-1, true) + kTiny);
  if (moe.routed_scale != 1) routing.weights = routing.weights * moe.routed_scale;
  return routing;
}

Tensor route_backward(const Moe& moe, const Tensor& dweights, const Routing& routing) {
  Tensor dchosen = dweights.to(routing.scores.scalar_type()) * moe.routed_scale;
  if (moe.norm_top_k) {
    const Tensor sum = routing.scores.gather(1, routing.experts).sum(-1, true) + kTiny;
    const Tensor shares = routing.weights / moe.routed_scale;
    dchosen = (dchosen - (dchosen * shares).sum(-1, true)) / sum;
  }
  const Tensor dscores = at::zeros_like(routing.scores).scatter_(1, routing.experts, dchosen);
  return to_logits(moe, dscores, routing.scores);
}

Tensor balance_backward(const Moe& moe, const Tensor& logits, const Routing& routing,
                        int64_t sequences, double coefficient) {
  // Megatron balances probabilities that sum to 1, whatever the scores are.
  Tensor probabilities = routing.scores;
  Tensor sums;
  if (moe.score == Moe::Score::sigmoid) {
    sums = routing.scores.sum(-1, true) + kTiny;
    probabilities = routing.scores / sums;
  }
  const int64_t length = logits.size(0) / sequences;
  const auto group = static_cast<double>(length);
  const Tensor chosen = at::zeros_like(routing.scores)
                            .scatter_(1, routing.experts, 1.0)
                            .view({sequences, length, -1})
                            .sum(1, true);
  const double factor =
      coefficient * static_cast<double>(moe.experts) /
      (static_cast<double>(moe.top_k) * group * group * static_cast<double>(sequences));
  Tensor d = (chosen * factor).expand({sequences, length, moe.experts}).reshape(logits.sizes());
  if (sums.defined()) d = (d - (d * probabilities).sum(-1, true)) / sums;
  return to_logits(moe, d, routing.scores);
}

}  // namespace bascule
