#include "nn/moe.h"

#include "base/check.h"
#include "kernels/device.h"

namespace bascule {
namespace {

using at::Tensor;

enum Kept { kIn, kLogits, kScores, kExperts, kWeights, kKept, kShared, kGate };  // Saved::tensors
enum Part { kRouted, kSharedExpert };                                            // Saved::parts

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
  const bool grouped = rules.grouped || on_gpu(parameters.device());
  experts_ = (grouped ? grouped_experts : experts_in_turn)(parameters, moe, at + "moe.");
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
  saved.parts.resize(2);
  const Tensor logits = at::mm(in, router_->value.to(in.scalar_type()).t());
  const Routing routing = choose(logits);
  saved.tensors = {in,           logits,   routing.scores, routing.experts, routing.weights,
                   routing.kept, Tensor(), Tensor()};
  std::vector<Tensor> plus;
  if (shared_) {
    Tensor part = shared_->forward(in, batch, saved.parts[kSharedExpert]);
    if (shared_gate_) {
      saved.tensors[kShared] = part;
      saved.tensors[kGate] = at::mm(in, shared_gate_->value.t()).sigmoid_();
      part = part * saved.tensors[kGate];
    }
    plus.push_back(part);
  }
  return experts_->forward(in, routing, batch, plus, saved.parts[kRouted]);
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
  const bool balances = moe_.balance != Moe::Balance::none && moe_.aux_coefficient != 0;
  const bool shrinks = rules_.z_coefficient != 0;
  if (balances)
    dlogits.add_(
        balance_backward(moe_, routing, chosen, moe_.aux_coefficient * batch.balance_scale));
  if (shrinks) dlogits.add_(z_backward(logits, rules_.z_coefficient * batch.balance_scale));
  if (!batch.router_losses.defined()) return;
  if (balances) batch.router_losses[0].add_(balance_loss(moe_, routing, chosen));
  if (shrinks) batch.router_losses[1].add_(z_loss(logits));
}

Tensor MoeBlock::backward(const Tensor& dout, const Batch& batch, Saved& saved) const {
  const std::vector<Tensor> kept = std::move(saved.tensors);
  saved.tensors.clear();
  const Tensor& in = kept[kIn];
  const Routing routing{kept[kScores], kept[kExperts], kept[kWeights], kept[kKept]};
  const auto beside = [&](const Tensor& dweights) {
    Tensor dlogits = route_backward(moe_, dweights, routing);
    balance(kept[kLogits], routing, batch, dlogits, saved);
    dlogits = dlogits.to(in.scalar_type());
    saved.waiting.push_back({router_, dlogits, in});
    std::vector<Tensor> all = {at::mm(dlogits, router_->value.to(in.scalar_type()))};
    if (!shared_) return all;
    Tensor dpart = dout;
    if (shared_gate_) {
      const Tensor& gate = kept[kGate];
      const Tensor dgate = (dout * kept[kShared]).sum(1, true) * gate * (1 - gate);
      saved.waiting.push_back({shared_gate_, dgate, in});
      all.push_back(at::mm(dgate, shared_gate_->value));
      dpart = dout * gate;
    }
    all.push_back(shared_->backward(dpart, batch, saved.parts[kSharedExpert]));
    return all;
  };
  return experts_->backward(dout, in, routing, batch, beside, saved.parts[kRouted]);
}

}  // namespace bascule
