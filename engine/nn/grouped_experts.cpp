#include <fmt/format.h>

#include "kernels/activation.h"
#include "kernels/dispatch.h"
#include "kernels/grouped.h"
#include "nn/experts.h"

namespace bascule {
namespace {

using at::Tensor;

enum Kept { kWide, kValues, kEnds, kEntries, kRows };  // of Saved::tensors

Parameter all_of(const Parameters& parameters, const Moe& moe, const std::string& at,
                 const std::vector<std::string>& slots) {
  std::vector<std::vector<std::string>> each;
  for (int64_t e = 0; e < moe.experts; ++e) {
    each.emplace_back();
    for (const std::string& slot : slots)
      each.back().push_back(fmt::format("{}experts.{}.{}", at, e, slot));
  }
  return parameters.stack(each);
}

Saved::Waiting waiting(const Parameter& parameter, const Tensor& dy, const Tensor& x,
                       const Dispatch& way, const Batch& batch) {
  return {.parameter = &parameter, .dy = dy, .x = x, .ends = way.ends, .last = batch.last};
}

/// What enters is gathered again in the backward: quicker than it is large. Weights act on what
/// leaves; their gradients, and those of the last matrices, are taken before those matrices, where
/// rows are narrow.
class GroupedExperts : public Experts {
 public:
  GroupedExperts(const Parameters& parameters, const Moe& moe, const std::string& at)
      : moe_(moe),
        in_(all_of(
            parameters, moe, at,
            moe.gated ? std::vector<std::string>{"gate", "up"} : std::vector<std::string>{"up"})),
        out_(all_of(parameters, moe, at, {"down"})) {}

  Tensor forward(const Tensor& in, const Routing& routing, const Batch&,
                 const std::vector<Tensor>& plus, Saved& saved) const override {
    const Dispatch way = dispatch(routing, moe_.experts);
    const Tensor wide = grouped_mm(gather(in, way), in_.value.transpose(1, 2), way.ends);
    const Tensor values = activation_forward(moe_.activation, moe_.gated, wide);
    saved.tensors = {wide, values, way.ends, way.entries, way.rows};
    const Tensor parts = grouped_mm(values, out_.value.transpose(1, 2), way.ends);
    return combine(parts, way, routing.weights, plus);
  }

  Tensor backward(const Tensor& dout, const Tensor& in, const Routing& routing, const Batch& batch,
                  const Plus& plus, Saved& saved) const override {
    const std::vector<Tensor> kept = std::move(saved.tensors);
    saved.tensors.clear();
    const Dispatch way{.ends = kept[kEnds], .entries = kept[kEntries], .rows = kept[kRows]};
    const Tensor douts = gather(dout, way);
    const Tensor inner = grouped_mm(douts, out_.value, way.ends);
    const Tensor dweights = weigh(inner, kept[kValues], way, routing.weights);
    saved.waiting.push_back(waiting(out_, douts, kept[kValues], way, batch));
    const Tensor dwide = activation_backward(moe_.activation, moe_.gated, inner, kept[kWide]);
    saved.waiting.push_back(waiting(in_, dwide, gather(in, way), way, batch));
    return combine(grouped_mm(dwide, in_.value, way.ends), way, {}, plus(dweights));
  }

 private:
  Moe moe_;
  Parameter in_, out_;  // [experts, ...]
};

}  // namespace

std::unique_ptr<Experts> grouped_experts(const Parameters& parameters, const Moe& moe,
                                         const std::string& at) {
  return std::make_unique<GroupedExperts>(parameters, moe, at);
}

}  // namespace bascule
