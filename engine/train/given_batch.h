// Tokens, labels and masks that a program gives, checked and flattened. Free functions; one thread.
#pragma once

#include <ATen/ATen.h>

#include "nn/batch.h"

namespace bascule {

/// Integers of `like`'s shape as one row of int64. Throws Error{user} for another shape.
at::Tensor flat_ids(const at::Tensor& given, const at::Tensor& like, const char* name);

/// Throws Error{user} where one is not in [0, end).
void require_within(const at::Tensor& ids, int64_t end, const char* name);

/// What a dataset of a program gives, as megatron-core's datasets name it: [sequences, length]
/// each; positions may be undefined: 0, 1, ...
struct GivenBatch {
  at::Tensor tokens, labels, loss_mask, positions;
};

/// The micro-batch of those for a model of `vocabulary` tokens and, unless 0, `most` positions.
/// Throws Error{user} where they do not fit one another or the model.
Batch given_batch(const GivenBatch& given, int64_t vocabulary, int64_t most);

}  // namespace bascule
