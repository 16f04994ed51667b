#include "recipe/batches.h"

#include <gtest/gtest.h>

#include "recipe/settings.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

Settings sizes(int64_t micro, int64_t global,
               std::optional<std::vector<int64_t>> ramp = std::nullopt) {
  Settings settings;
  settings.train.micro_batch_size = micro;
  settings.train.global_batch_size = global;
  settings.train.rampup_batch_size = std::move(ramp);
  return settings;
}

TEST(Batches, are_constant_without_a_ramp) {
  const Batches made = batches(sizes(2, 8));
  EXPECT_EQ(made.global_at(0), 8);
  EXPECT_EQ(made.global_at(1 << 20), 8);
  EXPECT_EQ(made.micro_batches_at(0), 4);
  EXPECT_EQ(made.consumed_after(5), 40);
}

TEST(Batches, default_to_one_micro_batch) {
  Settings settings = sizes(4, 4);
  settings.train.global_batch_size.reset();
  EXPECT_EQ(batches(settings).global_at(0), 4);
}

// Numbers that megatron-core's calculator gives: 100 samples over 3 increments, 33.3 each.
TEST(Batches, grow_as_megatron_core_says) {
  const Batches made = batches(sizes(1, 8, {{2, 2, 100}}));
  EXPECT_EQ(made.global_at(0), 2);
  EXPECT_EQ(made.global_at(33), 2);
  EXPECT_EQ(made.global_at(34), 4);
  EXPECT_EQ(made.global_at(66), 4);
  EXPECT_EQ(made.global_at(67), 6);
  EXPECT_EQ(made.global_at(99), 6);
  EXPECT_EQ(made.global_at(100), 8);
  EXPECT_EQ(made.global_at(101), 8);
  EXPECT_EQ(made.micro_batches_at(67), 6);
}

TEST(Batches, consume_what_each_step_takes) {
  const Batches made = batches(sizes(1, 8, {{2, 2, 100}}));
  // 17 steps of 2, 9 of 4 (34 to 70), 5 of 6 (70 to 100), then 8.
  EXPECT_EQ(made.consumed_after(17), 34);
  EXPECT_EQ(made.consumed_after(26), 70);
  EXPECT_EQ(made.consumed_after(31), 100);
  EXPECT_EQ(made.consumed_after(33), 116);
  EXPECT_EQ(made.consumed_after(1000033), 116 + 8000000);
}

TEST(Batches, jump_after_the_first_step_of_an_empty_ramp) {
  const Batches made = batches(sizes(1, 8, {{2, 2, 0}}));
  EXPECT_EQ(made.global_at(0), 2);
  EXPECT_EQ(made.global_at(2), 8);
}

TEST(Batches, start_at_the_end_where_the_ramp_has_no_height) {
  EXPECT_EQ(batches(sizes(1, 8, {{8, 2, 100}})).global_at(0), 8);
}

TEST(Batches, refuse_what_does_not_divide) {
  const struct {
    int64_t micro, global;
    std::optional<std::vector<int64_t>> ramp;
    std::vector<std::string> says;
  } rows[] = {
      {3, 8, {}, {"train.global_batch_size is 8", "train.micro_batch_size, 3"}},
      {16, 8, {}, {"train.global_batch_size is 8", "16"}},
      {1, 8, {{2, 2}}, {"train.rampup_batch_size has 2 numbers", "three"}},
      {1, 8, {{}}, {"has 0 numbers"}},
      {1, 8, {{2, 2, 10, 1}}, {"has 4 numbers"}},
      {1, 8, {{0, 2, 10}}, {"starts at 0", "at least 1"}},
      {1, 8, {{2, 0, 10}}, {"grows by 0", "at least 1"}},
      {1, 8, {{16, 2, 10}}, {"starts at 16", "global_batch_size, 8"}},
      {1, 8, {{2, 4, 10}}, {"grows from 2 by 4", "never gives", "8"}},
      {2, 8, {{1, 1, 10}}, {"multiples of train.micro_batch_size, 2"}},
      {2, 8, {{2, 3, 10}}, {"multiples of train.micro_batch_size, 2"}},
  };
  for (const auto& row : rows) try {
      batches(sizes(row.micro, row.global, row.ramp));
      ADD_FAILURE() << row.says[0];
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Kind::user);
      for (const std::string& part : row.says) EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
}

}  // namespace
}  // namespace bascule
