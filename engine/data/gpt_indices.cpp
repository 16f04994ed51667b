#include "data/gpt_indices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/interrupt.h"
#include "data/numpy_random.h"

namespace bascule {
namespace {

constexpr int64_t kMostDocuments = std::numeric_limits<int32_t>::max();
// From here on Megatron's shuffle index has 64-bit elements.
constexpr int64_t kMostSamples = int64_t{std::numeric_limits<uint32_t>::max()} - 2;
constexpr int64_t kMostTokens = int64_t{1} << 62;
constexpr double kShareToJoin = 0.80;  // of a whole epoch's samples, for the last to be shuffled in

int64_t samples_in(int64_t tokens, const SampleOrder& order) {
  const int64_t usable = std::max<int64_t>(0, tokens - order.extra_tokens);
  if (order.drop_last_partial) return usable / order.sequence_length;
  // In single precision, as Megatron counts them.
  return static_cast<int64_t>(
      std::ceil(static_cast<float>(usable) / static_cast<float>(order.sequence_length)));
}

std::vector<int32_t> shuffled_documents(const SampleOrder& order, int64_t epochs,
                                        NumpyRandom& random) {
  std::vector<int32_t> documents(static_cast<size_t>(epochs * order.sequences.size()));
  for (size_t i = 0; i < documents.size(); ++i)
    documents[i] = static_cast<int32_t>(order.sequences.begin +
                                        static_cast<int64_t>(i) % order.sequences.size());
  random.shuffle(std::span(documents));
  return documents;
}

std::vector<int32_t> cut_samples(const SampleOrder& order, const EpochPlan& plan,
                                 const std::vector<int32_t>& documents, const Length& length) {
  std::vector<int32_t> samples(static_cast<size_t>(2 * (plan.samples + 1)));
  size_t at = 0;
  int64_t offset = 0;
  for (int64_t sample = 1; sample <= plan.samples; ++sample) {
    if (sample % (1 << 20) == 0) check_interrupt();
    for (int64_t missing = order.sequence_length + order.extra_tokens; missing > 0;) {
      const int64_t here = length(documents.at(at)) - offset;
      if (here >= missing) {
        offset +=
            missing - order.extra_tokens;  // the next sample begins with this one's last token
        break;
      }
      if (at + 1 == documents.size()) {  // the last sample is not full
        offset = length(documents[at]) - order.extra_tokens;
        require(offset >= 0, Kind::unsupported,
                "the last sequence in the shuffled order, number {}, is empty, and the partial "
                "sample that ends there cannot be stored; drop the last partial sample",
                documents[at]);
        break;
      }
      missing -= here;
      ++at;
      offset = 0;
    }
    samples[static_cast<size_t>(2 * sample)] = static_cast<int32_t>(at);
    samples[static_cast<size_t>(2 * sample + 1)] = static_cast<int32_t>(offset);
  }
  return samples;
}

}  // namespace

EpochPlan plan_epochs(const SampleOrder& order, int64_t tokens_per_epoch) {
  require(order.sequence_length >= 1 && order.sequence_length < kMostDocuments, Kind::user,
          "a sequence length of {} is not possible", order.sequence_length);
  EpochPlan plan{.tokens_per_epoch = tokens_per_epoch};
  const int64_t wanted = order.wanted.value_or(0);
  require(wanted >= 0 && wanted <= kMostSamples, Kind::user, "{} samples cannot be drawn", wanted);
  if (tokens_per_epoch == 0) {
    require(wanted == 0, Kind::user,
            "{} samples are wanted of a split of {} sequences, which hold no token; give it a "
            "larger share of the dataset",
            wanted, order.sequences.size());
    return plan;
  }
  if (order.wanted) {
    const int64_t tokens = wanted * order.sequence_length + order.extra_tokens;
    plan.epochs =
        std::max<int64_t>(1, tokens / tokens_per_epoch + (tokens % tokens_per_epoch == 0 ? 0 : 1));
  }
  require(plan.epochs <= kMostDocuments / std::max<int64_t>(1, order.sequences.size()) &&
              plan.epochs <= kMostTokens / tokens_per_epoch,
          Kind::unsupported,
          "{} samples of {} tokens take {} epochs of {} sequences with {} tokens, more than one "
          "order can hold",
          wanted, order.sequence_length, plan.epochs, order.sequences.size(), tokens_per_epoch);
  plan.samples = samples_in(plan.epochs * tokens_per_epoch, order);
  require(plan.samples <= kMostSamples, Kind::unsupported,
          "{} samples of {} tokens in one dataset, at most {} are possible", plan.samples,
          order.sequence_length, kMostSamples);
  if (plan.epochs == 1) return plan;

  const int64_t before =
      ((plan.epochs - 1) * tokens_per_epoch - order.extra_tokens) / order.sequence_length;
  const int64_t an_epoch = (tokens_per_epoch - order.extra_tokens) / order.sequence_length;
  plan.last_epoch_apart =
      wanted - before < static_cast<int64_t>(kShareToJoin * static_cast<double>(an_epoch));
  plan.samples_before_last_epoch = plan.last_epoch_apart ? before : 0;
  return plan;
}

GptIndices build_indices(const SampleOrder& order, const EpochPlan& plan, const Length& length) {
  if (plan.tokens_per_epoch == 0)
    return {HeldArray<int32_t>(), HeldArray(std::vector<int32_t>{0, 0}), HeldArray<uint32_t>()};
  // One generator for all four shuffles, in this order.
  NumpyRandom random(order.seed);
  std::vector<int32_t> documents =
      shuffled_documents(order, plan.epochs - (plan.last_epoch_apart ? 1 : 0), random);
  if (plan.last_epoch_apart) {
    const std::vector<int32_t> last = shuffled_documents(order, 1, random);
    documents.insert(documents.end(), last.begin(), last.end());
  }
  std::vector<int32_t> samples = cut_samples(order, plan, documents, length);
  std::vector<uint32_t> shuffle(static_cast<size_t>(plan.samples));
  std::iota(shuffle.begin(), shuffle.end(), 0U);
  const auto before = static_cast<size_t>(plan.samples_before_last_epoch);
  if (plan.last_epoch_apart) random.shuffle(std::span(shuffle).first(before));
  random.shuffle(std::span(shuffle).subspan(before));
  return {HeldArray(std::move(documents)), HeldArray(std::move(samples)),
          HeldArray(std::move(shuffle))};
}

}  // namespace bascule
