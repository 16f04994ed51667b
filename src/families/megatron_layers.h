// The layers of a model as Megatron's settings have them: one description, and lists of what
// differs from layer to layer. A value.
#pragma once

#include <vector>

#include "families/text_config.h"
#include "model/arch.h"

namespace bascule {

struct MegatronLayers {
  Gqa attention;                // of every layer; its window and rope are below
  Mlp dense;                    // of layers without experts, if any
  Moe sparse;                   // of layers with experts, if any
  Windows windows;              // the first one's size
  std::vector<bool> rotates;    // by layer: positions turn queries and keys
  std::vector<bool> is_sparse;  // by layer: it has experts

  bool any_sparse() const;
  bool any_dense() const;
};

/// Throws Error{unsupported} where layers are of kinds or shapes that these settings cannot tell.
/// (Windows of several sizes are no such case: the first is taken.)
MegatronLayers gathered(const Arch& arch);

/// The opposite: replaces the layers of `arch`.
void spread(const MegatronLayers& layers, Arch& arch);

}  // namespace bascule
