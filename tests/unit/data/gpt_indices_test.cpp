#include "data/gpt_indices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/expect_error.h"

namespace bascule {
namespace {

SampleOrder order_of(int64_t sequences, std::optional<int64_t> wanted, int64_t length) {
  return {.sequences = {0, sequences}, .wanted = wanted, .sequence_length = length};
}

TEST(PlanEpochs, CountsAsMegatronDoes) {
  // One epoch when nothing is wanted, or when it is enough: the last label takes one token more.
  EXPECT_EQ(plan_epochs(order_of(3, {}, 10), 101).samples, 10);
  EXPECT_EQ(plan_epochs(order_of(3, 10, 10), 101).epochs, 1);
  EXPECT_EQ(plan_epochs(order_of(3, 10, 10), 100).epochs, 2);
  EXPECT_EQ(plan_epochs(order_of(3, 0, 10), 100).epochs, 1);
  EXPECT_EQ(plan_epochs(order_of(3, 0, 10), 1).samples, 0);
  SampleOrder without = order_of(3, 10, 10);
  without.extra_tokens = 0;
  EXPECT_EQ(plan_epochs(without, 100).epochs, 1);
  EXPECT_EQ(plan_epochs(without, 100).samples, 10);
}

TEST(PlanEpochs, ShufflesAShortLastEpochApart) {
  // 100 tokens an epoch, 9 whole samples of 10 in it; less than 7 (0.8 of 9) from the last: apart.
  EXPECT_EQ(plan_epochs(order_of(3, 15, 10), 100), (EpochPlan{100, 2, 19, true, 9}));
  EXPECT_TRUE(plan_epochs(order_of(3, 15, 10), 100).last_epoch_apart);
  EXPECT_FALSE(plan_epochs(order_of(3, 16, 10), 100).last_epoch_apart);
  EXPECT_FALSE(plan_epochs(order_of(3, 19, 10), 100).last_epoch_apart);
}

TEST(PlanEpochs, KeepsAPartialSampleWhenAsked) {
  SampleOrder order = order_of(3, {}, 10);
  order.drop_last_partial = false;
  EXPECT_EQ(plan_epochs(order, 101).samples, 10);
  EXPECT_EQ(plan_epochs(order, 102).samples, 11);
  EXPECT_EQ(plan_epochs(order, 1).samples, 0);
  EXPECT_EQ(plan_epochs(order, 2).samples, 1);
}

TEST(PlanEpochs, RefusesWhatCannotBe) {
  expect_error(Kind::user, {"5 samples are wanted of a split of 3 sequences, which hold no token"},
               [] { plan_epochs(order_of(3, 5, 10), 0); });
  EXPECT_EQ(plan_epochs(order_of(3, 0, 10), 0).samples, 0);
  EXPECT_EQ(plan_epochs(order_of(0, {}, 10), 0).samples, 0);
  for (const int64_t length : {int64_t{0}, int64_t{-1}, int64_t{1} << 40})
    expect_error(Kind::user, {"a sequence length of"},
                 [&] { plan_epochs(order_of(3, 1, length), 9); });
  for (const int64_t wanted : {int64_t{-1}, int64_t{1} << 33, INT64_MAX})
    expect_error(Kind::user, {"samples cannot be drawn"},
                 [&] { plan_epochs(order_of(3, wanted, 10), 9); });
  expect_error(Kind::unsupported, {"take 4000000001 epochs of 3 sequences with 1 tokens"},
               [] { plan_epochs(order_of(3, 4'000'000, 1000), 1); });
  expect_error(Kind::unsupported, {"samples of 1 tokens in one dataset"},
               [] { plan_epochs(order_of(3, {}, 1), int64_t{1} << 40); });
}

TEST(BuildIndices, CutsSamplesAcrossSequences) {
  const std::vector<int64_t> lengths = {3, 0, 4, 1, 5};
  const SampleOrder order = order_of(5, {}, 4);
  const EpochPlan plan = plan_epochs(order, 13);
  const GptIndices indices =
      build_indices(order, plan, [&](int64_t i) { return lengths.at(static_cast<size_t>(i)); });
  ASSERT_EQ(plan.samples, 3);
  std::vector<int32_t> documents(indices.documents.values().begin(),
                                 indices.documents.values().end());
  std::sort(documents.begin(), documents.end());
  EXPECT_EQ(documents, (std::vector<int32_t>{0, 1, 2, 3, 4}));
  // Sample i begins 4 i tokens from the start, counted through the shuffled sequences.
  for (int64_t sample = 0; sample <= plan.samples; ++sample) {
    int64_t at = indices.samples[2 * sample + 1];
    for (int64_t i = 0; i < indices.samples[2 * sample]; ++i)
      at += lengths[static_cast<size_t>(indices.documents[i])];
    EXPECT_EQ(at, 4 * sample);
  }
}

TEST(BuildIndices, NamesAnEmptyLastSequence) {
  SampleOrder order = order_of(2, {}, 4);
  order.drop_last_partial = false;
  int failed = 0;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    order.seed = seed;
    try {
      build_indices(order, plan_epochs(order, 6), [](int64_t i) { return i == 0 ? 6 : 0; });
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::unsupported);
      EXPECT_THAT(error.what(), testing::HasSubstr("number 1, is empty"));
      ++failed;
    }
  }
  EXPECT_GT(failed, 0);
  EXPECT_LT(failed, 8);
}

TEST(BuildIndices, OfNothingAreEmpty) {
  const SampleOrder order = order_of(0, {}, 4);
  const GptIndices indices = build_indices(order, plan_epochs(order, 0), [](int64_t) { return 0; });
  EXPECT_EQ(indices.documents.size(), 0);
  EXPECT_EQ(indices.samples.size(), 2);
  EXPECT_EQ(indices.shuffle.size(), 0);
}

}  // namespace
}  // namespace bascule
