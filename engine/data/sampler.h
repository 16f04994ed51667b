// Which samples a rank trains on, and when: a pure function of how many samples have been consumed,
// so that a run can be resumed, and its ranks be changed, at any step. Megatron's "single" sampler:
// the dataset in order, micro-batch after micro-batch, each dealt to all ranks in turn.
#pragma once

#include <cstdint>
#include <vector>

namespace bascule {

struct Sampler {
  int64_t samples = 0;      ///< of the dataset
  int64_t micro_batch = 1;  ///< samples of one rank at once
  int64_t ranks = 1;        ///< data parallel
};

/// The samples that all ranks consume with one micro-batch each.
int64_t samples_at_once(const Sampler& sampler);

/// Whether the dataset still has micro-batch `index` of a step that began after `consumed` samples.
bool has_micro_batch(const Sampler& sampler, int64_t consumed, int64_t index);

/// The sample indices of micro-batch `index` (from 0) of that step, for `rank`. Throws Error{user}
/// when the dataset ends before.
std::vector<int64_t> micro_batch_samples(const Sampler& sampler, int64_t consumed, int64_t index,
                                         int64_t rank);

}  // namespace bascule
