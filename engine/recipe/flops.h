// What a model costs: parameters and floating-point operations, from its description. Pure.
#pragma once

#include <cstdint>

#include "model/arch.h"

namespace bascule {

struct ParameterCounts {
  int64_t all = 0;        // a tied head counts once
  int64_t active = 0;     // what one token uses: of experts, the chosen and the shared ones
  int64_t embedding = 0;  // the embedding and a head of its own, of `all`
  int64_t decaying = 0;   // those that weight decay acts on, of `all`
};
ParameterCounts parameter_counts(const Arch& arch);

/// Operations of one training step on `sequences` of `length` tokens, forward and backward, as
/// Megatron Bridge 0.3.1 counts them (flop_utils.py): 3 passes x 2 a multiply-add x the matrix
/// products; causal attention counts half; no recomputation. With `windowed`, layers with a sliding
/// window count only the keys that they see, which Bridge does not.
double training_flops(const Arch& arch, int64_t sequences, int64_t length, bool windowed = false);

}  // namespace bascule
