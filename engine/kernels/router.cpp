#include "kernels/router.h"

#include <cmath>
#include <limits>

#include "kernels/compute_type.h"
#include "kernels/cuda/kernels.h"

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
  return at::where(kept.unsqueeze(-1).expand_as(grouped).reshape(seen.sizes()), seen,
                   -std::numeric_limits<double>::infinity());
}

/// The gradient of softmax or sigmoid scores, taken to the logits.
Tensor to_logits(const Moe& moe, const Tensor& dscores, const Tensor& scores) {
  if (moe.score == Moe::Score::sigmoid) return dscores * scores * (1 - scores);
  return scores * (dscores - (dscores * scores).sum(-1, true));
}

constexpr double kTiny = 1e-20;  // keeps the sum of chosen sigmoids from being zero

Tensor scores_of(const Moe& moe, const Tensor& logits) {
  const Tensor z = logits.to(compute_type(logits));
  return moe.score == Moe::Score::sigmoid ? z.sigmoid() : z.softmax(-1);
}

/// As kernels take a routing: what route() makes.
bool all_dense(const Routing& routing) {
  return routing.scores.is_contiguous() && routing.weights.is_contiguous() &&
         routing.experts.is_contiguous();
}

/// Of what balances: the sum over experts of counts times sums of probabilities.
double balance_factor(const Moe& moe, int64_t sequences, int64_t length) {
  const auto group = static_cast<double>(length);
  return static_cast<double>(moe.experts) /
         (static_cast<double>(moe.top_k) * group * group * static_cast<double>(sequences));
}

Routing weighted(const Moe& moe, const Tensor& scores, const Tensor& experts) {
  Routing routing{.scores = scores, .experts = experts, .weights = scores.gather(1, experts)};
  if (moe.norm_top_k) routing.weights = routing.weights / (routing.weights.sum(-1, true) + kTiny);
  if (moe.routed_scale != 1) routing.weights = routing.weights * moe.routed_scale;
  return routing;
}

}  // namespace

Routing route(const Moe& moe, const Tensor& logits, const Tensor& bias) {
  if constexpr (cuda::kBuilt)
    if (moe.groups <= 1 && cuda::routes(moe, logits))
      return cuda::route(moe, logits, bias, /*in_turn=*/false);
  const Tensor scores = scores_of(moe, logits);
  return weighted(moe, scores, std::get<1>(choosing(moe, scores, bias).topk(moe.top_k, -1)));
}

Routing route_in_turn(const Moe& moe, const Tensor& logits) {
  if constexpr (cuda::kBuilt)
    if (cuda::routes(moe, logits)) return cuda::route(moe, logits, {}, /*in_turn=*/true);
  const Tensor places = at::arange(logits.size(0) * moe.top_k, logits.options().dtype(at::kLong));
  return weighted(moe, scores_of(moe, logits), places.remainder(moe.experts).view({-1, moe.top_k}));
}

void limit(const Moe& moe, const Capacity& capacity, Routing& routing) {
  const int64_t tokens = routing.scores.size(0);
  const double share = static_cast<double>(tokens * moe.top_k) / static_cast<double>(moe.experts);
  const auto most = static_cast<int64_t>(std::ceil(share * capacity.factor));
  if (most >= tokens) return;
  Tensor worth = routing.weights;
  if (capacity.drop_last)
    worth = at::arange(tokens, 0, -1, worth.options()).unsqueeze(1).expand_as(worth);
  const Tensor table = at::zeros_like(routing.scores).scatter_(1, routing.experts, worth);
  const Tensor best = std::get<1>(table.topk(most, 0));
  routing.kept = at::zeros_like(table, at::TensorOptions(at::kBool))
                     .scatter_(0, best, true)
                     .gather(1, routing.experts);
}

Tensor counts(const Moe& moe, const Routing& routing, int64_t sequences, bool taken) {
  Tensor ones = at::ones_like(routing.weights);
  if (taken && routing.kept.defined()) ones = routing.kept.to(ones.scalar_type());
  return at::zeros_like(routing.scores)
      .scatter_(1, routing.experts, ones)
      .view({sequences, -1, moe.experts})
      .sum(1);
}

Tensor route_backward(const Moe& moe, const Tensor& dweights, const Routing& routing) {
  if constexpr (cuda::kBuilt)
    if (cuda::routes(moe, routing.scores) && all_dense(routing))
      return cuda::route_backward(moe, dweights, routing);
  Tensor dchosen = dweights.to(routing.scores.scalar_type()) * moe.routed_scale;
  if (moe.norm_top_k) {
    const Tensor sum = routing.scores.gather(1, routing.experts).sum(-1, true) + kTiny;
    const Tensor shares = routing.weights / moe.routed_scale;
    dchosen = (dchosen - (dchosen * shares).sum(-1, true)) / sum;
  }
  const Tensor dscores = at::zeros_like(routing.scores).scatter_(1, routing.experts, dchosen);
  return to_logits(moe, dscores, routing.scores);
}

Tensor balance_backward(const Moe& moe, const Routing& routing, const Tensor& chosen,
                        double coefficient) {
  const int64_t sequences = chosen.size(0), length = routing.scores.size(0) / sequences;
  const double factor = coefficient * balance_factor(moe, sequences, length);
  if constexpr (cuda::kBuilt)
    if (cuda::routes(moe, routing.scores) && all_dense(routing))
      return cuda::balance_backward(moe, routing, chosen, factor);
  // Megatron balances probabilities that sum to 1, whatever the scores are.
  Tensor probabilities = routing.scores;
  Tensor sums;
  if (moe.score == Moe::Score::sigmoid) {
    sums = routing.scores.sum(-1, true) + kTiny;
    probabilities = routing.scores / sums;
  }
  Tensor d = (chosen.to(probabilities.scalar_type()) * factor)
                 .unsqueeze(1)
                 .expand({sequences, length, moe.experts})
                 .reshape(routing.scores.sizes());
  if (sums.defined()) d = (d - (d * probabilities).sum(-1, true)) / sums;
  return to_logits(moe, d, routing.scores);
}

Tensor balance_loss(const Moe& moe, const Routing& routing, const Tensor& chosen) {
  const int64_t sequences = chosen.size(0), length = routing.scores.size(0) / sequences;
  Tensor probabilities = routing.scores;
  if (moe.score == Moe::Score::sigmoid)
    probabilities = probabilities / (probabilities.sum(-1, true) + kTiny);
  const Tensor sums = probabilities.view({sequences, length, moe.experts}).sum(1);
  return (chosen * sums).sum() * balance_factor(moe, sequences, length);
}

Tensor z_loss(const Tensor& logits) {
  return logits.to(compute_type(logits)).logsumexp(-1).square().mean();
}

Tensor z_backward(const Tensor& logits, double coefficient) {
  const Tensor z = logits.to(compute_type(logits));
  const double factor = 2 * coefficient / static_cast<double>(z.size(0));
  return z.softmax(-1) * (z.logsumexp(-1, true) * factor);
}

}  // namespace bascule
