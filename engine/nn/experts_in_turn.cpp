#include <fmt/format.h>

#include <algorithm>

#include "kernels/compute_type.h"
#include "nn/experts.h"
#include "nn/feed_forward.h"

namespace bascule {
namespace {

using at::Tensor;

struct Rows {
  Tensor tokens, places;  // what expert e takes: row and column of Routing::experts
};

/// Of a run of sizes alone: the most that may be. Everything goes to the last expert, when most is
/// kept, which a token does with one choice; the others share the rest.
Rows supposed(const Routing& routing, bool last, int64_t others) {
  const int64_t tokens = routing.experts.size(0), rest = routing.experts.numel() - tokens;
  const Tensor rows =
      at::empty({last ? tokens : (rest + others - 1) / std::max<int64_t>(1, others)},
                routing.experts.options());
  return {rows, rows};
}

Rows rows_of(const Routing& routing, int64_t expert, int64_t experts) {
  if (routing.experts.is_meta()) return supposed(routing, expert + 1 == experts, experts - 1);
  Tensor here = routing.experts == expert;
  if (routing.kept.defined()) here.logical_and_(routing.kept);
  const std::vector<Tensor> found = here.nonzero().unbind(1);
  return {found[0], found[1]};
}

Tensor rounded(const Tensor& sum, const std::vector<Tensor>& plus, const Tensor& as) {
  for (const Tensor& each : plus) sum.add_(each);
  return sum.to(as.scalar_type());
}

/// Saves the experts' outputs, and in `parts` what they save.
class ExpertsInTurn : public Experts {
 public:
  ExpertsInTurn(const Parameters& parameters, const Moe& moe, const std::string& at) {
    for (int64_t e = 0; e < moe.experts; ++e)
      experts_.emplace_back(parameters, moe.activation, moe.gated,
                            fmt::format("{}experts.{}.", at, e));
  }

  Tensor forward(const Tensor& in, const Routing& routing, const Batch& batch,
                 const std::vector<Tensor>& plus, Saved& saved) const override {
    saved.parts.resize(experts_.size());
    const at::ScalarType type = compute_type(in);
    Tensor out = at::zeros(in.sizes(), in.options().dtype(type));
    for (size_t e = 0; e < experts_.size(); ++e) {
      const Rows rows = rows_of(routing, static_cast<int64_t>(e), std::ssize(experts_));
      const Tensor part = experts_[e].forward(in.index({rows.tokens}), batch, saved.parts[e]);
      saved.tensors.push_back(part);
      const Tensor weights = routing.weights.index({rows.tokens, rows.places}).unsqueeze(1);
      out.index_add_(0, rows.tokens, part.to(type) * weights);
    }
    return rounded(out, plus, in);
  }

  Tensor backward(const Tensor& dout, const Tensor& in, const Routing& routing, const Batch& batch,
                  const Plus& plus, Saved& saved) const override {
    const at::ScalarType type = compute_type(in);
    const std::vector<Tensor> kept = std::move(saved.tensors);
    saved.tensors.clear();
    Tensor din = at::zeros(in.sizes(), in.options().dtype(type));
    Tensor dweights = at::zeros_like(routing.weights);
    for (size_t e = 0; e < experts_.size(); ++e) {
      const Rows rows = rows_of(routing, static_cast<int64_t>(e), std::ssize(experts_));
      const Tensor dpart = dout.index({rows.tokens}).to(type);
      dweights.index_put_({rows.tokens, rows.places}, (dpart * kept[e].to(type)).sum(1));
      const Tensor weights = routing.weights.index({rows.tokens, rows.places}).unsqueeze(1);
      const Tensor dx =
          experts_[e].backward((dpart * weights).to(in.scalar_type()), batch, saved.parts[e]);
      din.index_add_(0, rows.tokens, dx.to(type));
    }
    return rounded(din, plus(dweights), in);
  }

 private:
  std::vector<FeedForwardBlock> experts_;
};

}  // namespace

std::unique_ptr<Experts> experts_in_turn(const Parameters& parameters, const Moe& moe,
                                         const std::string& at) {
  return std::make_unique<ExpertsInTurn>(parameters, moe, at);
}

}  // namespace bascule
