#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "unit/expect_error.h"

namespace bascule {
namespace {

using Samples = std::vector<int64_t>;

TEST(Sampler, DealsTheDatasetInOrder) {
  const Sampler sampler{.samples = 100, .micro_batch = 2, .ranks = 3};
  EXPECT_EQ(samples_at_once(sampler), 6);
  EXPECT_EQ(micro_batch_samples(sampler, 0, 0, 0), (Samples{0, 1}));
  EXPECT_EQ(micro_batch_samples(sampler, 0, 0, 2), (Samples{4, 5}));
  EXPECT_EQ(micro_batch_samples(sampler, 0, 1, 0), (Samples{6, 7}));
  EXPECT_EQ(micro_batch_samples(sampler, 12, 0, 1), (Samples{14, 15}));
  // An odd number of consumed samples, from a run with other sizes, is a place like any other.
  EXPECT_EQ(micro_batch_samples(sampler, 7, 1, 1), (Samples{15, 16}));
}

TEST(Sampler, GivesEachSampleOnceWhateverTheSizes) {
  for (const auto& [micro_batch, ranks] :
       {std::pair<int64_t, int64_t>{1, 1}, {2, 1}, {1, 4}, {4, 3}, {12, 1}}) {
    const Sampler sampler{.samples = 48, .micro_batch = micro_batch, .ranks = ranks};
    constexpr int64_t kGlobal = 24;
    const int64_t micro_batches = kGlobal / samples_at_once(sampler);
    for (int64_t consumed = 0; consumed < sampler.samples; consumed += kGlobal) {
      Samples all;
      for (int64_t index = 0; index < micro_batches; ++index)
        for (int64_t rank = 0; rank < ranks; ++rank)
          for (const int64_t sample : micro_batch_samples(sampler, consumed, index, rank))
            all.push_back(sample);
      Samples expected(kGlobal);
      std::iota(expected.begin(), expected.end(), consumed);
      EXPECT_EQ(all, expected);
    }
  }
}

TEST(Sampler, SaysWhenTheDatasetEnds) {
  const Sampler sampler{.samples = 11, .micro_batch = 2, .ranks = 2};
  EXPECT_TRUE(has_micro_batch(sampler, 4, 0));
  EXPECT_FALSE(has_micro_batch(sampler, 8, 0));
  EXPECT_FALSE(has_micro_batch(sampler, 4, 1));
  expect_error(Kind::user, {"the dataset has 11 samples, and 8 are consumed: too few for 4 more"},
               [&] { micro_batch_samples(sampler, 8, 0, 0); });
  for (const int64_t rank : {-1, 2})
    expect_error(Kind::internal, {"rank"}, [&] { micro_batch_samples(sampler, 0, 0, rank); });
  expect_error(Kind::internal, {"after -1"}, [&] { micro_batch_samples(sampler, -1, 0, 0); });
}

}  // namespace
}  // namespace bascule
