// The bias of a router's choice, which follows the load of its experts rather than a gradient.
#pragma once

#include "nn/parameters.h"

namespace bascule {

/// Moves every expert bias by `rate` towards balance, up where its expert took fewer tokens than
/// the mean of its layer's in this step, and down where it took more (arXiv:2408.15664; Megatron's
/// moe_router_bias_update_rate).
void update_expert_biases(const Parameters& parameters, double rate);

}  // namespace bascule
