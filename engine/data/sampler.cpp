#include "data/sampler.h"

#include <numeric>

#include "base/check.h"

namespace bascule {

int64_t samples_at_once(const Sampler& sampler) { return sampler.micro_batch * sampler.ranks; }

bool has_micro_batch(const Sampler& sampler, int64_t consumed, int64_t index) {
  return consumed + (index + 1) * samples_at_once(sampler) <= sampler.samples;
}

std::vector<int64_t> micro_batch_samples(const Sampler& sampler, int64_t consumed, int64_t index,
                                         int64_t rank) {
  require(
      sampler.micro_batch > 0 && rank >= 0 && rank < sampler.ranks && consumed >= 0 && index >= 0,
      Kind::internal, "micro-batch {} of {} samples after {} for rank {} of {}", index,
      sampler.micro_batch, consumed, rank, sampler.ranks);
  require(has_micro_batch(sampler, consumed, index), Kind::user,
          "the dataset has {} samples, and {} are consumed: too few for {} more; ask for more "
          "samples, or stop earlier",
          sampler.samples, consumed + index * samples_at_once(sampler), samples_at_once(sampler));
  std::vector<int64_t> samples(static_cast<size_t>(sampler.micro_batch));
  std::iota(samples.begin(), samples.end(),
            consumed + index * samples_at_once(sampler) + rank * sampler.micro_batch);
  return samples;
}

}  // namespace bascule
