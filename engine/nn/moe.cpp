#include "nn/moe.h"

#include <fmt/format.h>

#include "base/check.h"
#include "kernels/compute_type.h"

namespace bascule {
namespace {

using at::Tensor;

enum Kept { kIn, kLogits, kScores, kExperts, kWeights, kKept, kGate };  // of Saved::tensors
// Saved::parts: one an expert, in order, then the shared expert.
// Saved::tensors after kGate: an expert's rows of `kIn` and its output, two an expert.
constexpr size_t kFirstExpert = kGate + 1;

struct Rows {
  Tensor tokens, places;  // what expert e takes: row and column of Routing::experts
};

Rows rows_of(const Routing& routing, int64_t expert) {
  Tensor here = routing.experts == expert;
  if (routing.kept.defined()) here.logical_and_(routing.kept);
  const std::vector<Tensor> found = here.nonzero().unbind(1);
  return {found[0], found[1]};
}

}  // namespace

MoeBlock::MoeBlock(const Parameters& parameters, const Moe& moe, const MoeRules& rules,
                   const std::string& at)
    : moe_(moe),
      rules_(rules),
      router_(&parameters.holding({at + "moe.router"})),
      tally_(parameters.tally(at + "moe.router")) {
  require(!moe.bias && !moe.router_bias, Kind::unsupported,
          "training does not know experts or routers with biases ({})", at);
  if (moe.expert_bias) expert_bias_ = &parameters.holding({at + "moe.expert_bias"});
  for (int64_t e = 0; e < moe.experts; ++e)
    experts_.emplace_back(parameters, moe.activation, moe.gated,
                          fmt::format("{}moe.experts.{}.", at, e));
  if (moe.shared_width) shared_.emplace(parameters, moe.activation, moe.gated, at + "moe.shared.");
  if (moe.shared_gate) shared_gate_ = &parameters.holding({at + "moe.shared_gate"});
}

Routing MoeBlock::choose(const Tensor& logits) const {
  Routing routing = rules_.in_turn
                        ? route_in_turn(moe_, logits)
                        : route(moe_, logits, expert_bias_ ? expert_bias_->value : Tensor());
  if (rules_.capacity) limit(moe_, {*rules_.capacity, rules_.drop_last}, routing);
  return routing;
}

Tensor MoeBlock::forward(const Tensor& in, const Batch& batch, Saved& saved) const {
  saved.parts.resize(experts_.size() + 1);
  const at::ScalarType type = compute_type(in);
  const Tensor logits = at::mm(in, router_->value.to(in.scalar_type()).t());
  const Routing routing = choose(logits);
  saved.tensors = {in,           logits,  routing.scores, routing.experts, routing.weights,
                   routing.kept, Tensor()};
  Tensor out = at::zeros(in.sizes(), in.options().dtype(type));
  for (size_t e = 0; e < experts_.size(); ++e) {
    const Rows rows = rows_of(routing, static_cast<int64_t>(e));
    const Tensor part = experts_[e].forward(in.index_select(0, rows.tokens), batch, saved.parts[e]);
    saved.tensors.push_back(part);
    const Tensor weights = routing.weights.index({rows.tokens, rows.places}).unsqueeze(1);
    out.index_add_(0, rows.tokens, part.to(type) * weights);
  }
  if (shared_) {
    Tensor part = shared_->forward(in, batch, saved.parts.back());
    if (shared_gate_) {
      saved.tensors.push_back(part);
      saved.tensors[kGate] = at::mm(in, shared_gate_->value.t()).sigmoid_();
      part = part * saved.tensors[kGate];
    }
    out.add_(part);
  }
  return out.to(in.scalar_type());
}

void MoeBlock::balance(const Tensor& logits, const Routing& routing, const Batch& batch,
                       Tensor& dlogits, Saved& saved) const {
  const bool global = moe_.balance == Moe::Balance::global_aux;
  Tensor chosen =
      counts(moe_, routing, moe_.balance == Moe::Balance::seq_aux ? batch.sequences : 1);
  if (tally_ && (global || expert_bias_)) {
    const Tensor taken = counts(moe_, routing, 1, /*taken=*/true);
    const auto type = tally_->gradient.scalar_type();
    // Balance is that of the step so far, this micro-batch included.
    const Tensor whole = chosen.sum(0, true).to(type);
    saved.waiting.push_back({tally_, at::cat({whole, taken.to(type)}), {}});
    if (global)
      chosen = (whole + tally_->gradient.narrow(0, 0, 1)) / static_cast<double>(batch.before + 1);
  }
  if (batch.balance_scale == 0) return;
  if (moe_.balance != Moe::Balance::none && moe_.aux_coefficient != 0)
    dlogits.add_(
        balance_backward(moe_, routing, chosen, moe_.aux_coefficient * batch.balance_scale));
  if (rules_.z_coefficient != 0)
    dlogits.add_(z_backward(logits, rules_.z_coefficient * batch.balance_scale));
}

Tensor MoeBlock::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  const std::vector<Tensor> kept = std::move(saved.tensors);
  saved.tensors.clear();
  const Tensor& in = kept[kIn];
  const at::ScalarType type = compute_type(in);
  const Routing routing{kept[kScores], kept[kExperts], kept[kWeights], kept[kKept]};
  Tensor din = at::zeros(in.sizes(), in.options().dtype(type));
  Tensor dweights = at::zeros_like(routing.weights);
  for (size_t e = 0; e < experts_.size(); ++e) {
    const Rows rows = rows_of(routing, static_cast<int64_t>(e));
    const Tensor dpart = dout.index_select(0, rows.tokens).to(type);
    const Tensor& part = kept[kFirstExpert + e];
    dweights.index_put_({rows.tokens, rows.places}, (dpart * part.to(type)).sum(1));
    const Tensor weights = routing.weights.index({rows.tokens, rows.places}).unsqueeze(1);
    const Tensor dx =
        experts_[e].backward((dpart * weights).to(in.scalar_type()), batch, saved.parts[e]);
    din.index_add_(0, rows.tokens, dx.to(type));
  }
  Tensor dlogits = route_backward(moe_, dweights, routing);
  balance(kept[kLogits], routing, batch, dlogits, saved);
  dlogits = dlogits.to(in.scalar_type());
  saved.waiting.push_back({router_, dlogits, in});
  din.add_(at::mm(dlogits, router_->value.to(in.scalar_type())));
  if (shared_) {
    Tensor dpart = dout;
    if (shared_gate_) {
      const Tensor& gate = kept[kGate];
      const Tensor dgate = (dout * kept.back()).sum(1, true) * gate * (1 - gate);
      saved.waiting.push_back({shared_gate_, dgate, in});
      din.add_(at::mm(dgate, shared_gate_->value));
      dpart = dout * gate;
    }
    din.add_(shared_->backward(dpart, batch, saved.parts.back()));
  }
  return din.to(in.scalar_type());
}

}  // namespace bascule
