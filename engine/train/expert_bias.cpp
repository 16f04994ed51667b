#include "train/expert_bias.h"

namespace bascule {

void update_expert_biases(const Parameters& parameters, double rate) {
  constexpr std::string_view kBias = "moe.expert_bias";
  for (const Parameter& bias : parameters.all()) {
    const std::string& slot = bias.slots.front();
    if (!slot.ends_with(kBias)) continue;
    const std::string layer = slot.substr(0, slot.size() - kBias.size());
    const Parameter* tally = parameters.tally(layer + "moe.router");
    if (tally == nullptr) continue;
    const at::Tensor taken = tally->gradient.select(0, 1);
    bias.value.add_((taken.mean() - taken).sign().to(bias.value.scalar_type()), rate);
  }
}

}  // namespace bascule
