// Into which boxes Megatron divides a stored tensor: one a layer, an expert, gate or up.
#pragma once

#include <vector>

#include "model/layout.h"

namespace bascule {

/// Boxes that tile the tensor of this layout, in row-major order. A reader that asks for one layer
/// or half of a fused projection then reads no more than that.
std::vector<Box> chunks(const Layout& layout, const Slots& slots);

}  // namespace bascule
