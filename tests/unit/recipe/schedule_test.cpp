// Against the values that megatron-core's scheduler gave, and against Bridge's rules for settings.
#include "recipe/schedule.h"

#include <gtest/gtest.h>

#include <sstream>

#include "recipe/settings.h"
#include "settings/tree.h"
#include "spec/read_text.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

template <class E>
E named(const Tree& tree) {
  return SettingType<E>::from(tree, {}).value();
}

Schedule schedule_of(const Tree& said) {
  Schedule made{.style = named<DecayStyle>(*said.find("lr_decay_style")),
                .init_lr = said.find("init_lr")->real(),
                .max_lr = said.find("max_lr")->real(),
                .min_lr = said.find("min_lr")->real(),
                .warmup_steps = said.find("lr_warmup_steps")->real(),
                .decay_steps = said.find("lr_decay_steps")->integer(),
                .start_weight_decay = said.find("start_wd")->real(),
                .end_weight_decay = said.find("end_wd")->real(),
                .increase = named<IncreaseStyle>(*said.find("wd_incr_style")),
                .increase_steps = said.find("wd_incr_steps")->integer()};
  if (!said.find("wsd_decay_steps")->is_null()) {
    made.annealing_steps = said.find("wsd_decay_steps")->integer();
    made.annealing = named<AnnealingStyle>(*said.find("lr_wsd_decay_style"));
  }
  return made;
}

void expect_equal(const Tree::List& expected, const std::function<double(int64_t)>& value,
                  int64_t increment) {
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(value(static_cast<int64_t>(i) * increment), expected[i].real()) << "step " << i;
}

TEST(Schedule, equals_megatron_core_to_the_last_bit) {
  std::istringstream lines(read_text("tests/golden/schedule/schedule.jsonl"));
  int cases = 0, overridden = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const Tree said = parse_json(line, "schedule.jsonl");
    SCOPED_TRACE(said.find("case")->string());
    const int64_t increment = said.find("increment")->integer();
    const Schedule made = schedule_of(*said.find("settings"));
    expect_equal(
        said.find("lr")->list_items(), [&](int64_t steps) { return made.learning_rate(steps); },
        increment);
    expect_equal(
        said.find("wd")->list_items(), [&](int64_t steps) { return made.weight_decay(steps); },
        increment);
    if (const Tree* other = said.find("override")) {
      Schedule group = made;  // a group of parameters with learning rates of its own
      group.max_lr = other->find("max_lr")->real();
      group.min_lr = other->find("min_lr")->real();
      expect_equal(
          other->find("lr")->list_items(),
          [&](int64_t steps) { return group.learning_rate(steps); }, increment);
      ++overridden;
    }
  }
  EXPECT_EQ(cases, 33);
  EXPECT_GT(overridden, 0);
}

Settings usual() {
  Settings settings;
  settings.train.micro_batch_size = 2;
  settings.train.global_batch_size = 8;
  settings.train.train_iters = 100;
  settings.optimizer.lr = 1e-3;
  settings.optimizer.min_lr = 1e-4;
  settings.optimizer.weight_decay = 0.1;
  return settings;
}

TEST(Schedule, counts_samples) {
  Settings settings = usual();
  settings.scheduler.lr_warmup_iters = 10;
  const Schedule made = schedule(settings);
  EXPECT_EQ(made.warmup_steps, 80);
  EXPECT_EQ(made.decay_steps, 800);
  EXPECT_EQ(made.increase_steps, 800);
  EXPECT_EQ(made.learning_rate(0), 0);
  EXPECT_EQ(made.learning_rate(80), 1e-3);
  EXPECT_DOUBLE_EQ(made.learning_rate(440), (1e-3 + 1e-4) / 2);
  EXPECT_EQ(made.learning_rate(801), 1e-4);
}

TEST(Schedule, takes_decay_and_annealing_from_the_settings) {
  Settings settings = usual();
  settings.scheduler.lr_decay_style = DecayStyle::wsd;
  settings.scheduler.lr_wsd_decay_style = AnnealingStyle::linear;
  settings.scheduler.lr_decay_iters = 50;
  settings.scheduler.lr_wsd_decay_iters = 10;
  const Schedule made = schedule(settings);
  EXPECT_EQ(made.decay_steps, 400);
  EXPECT_EQ(made.annealing_steps, 80);
  EXPECT_EQ(made.learning_rate(320), 1e-3);
  EXPECT_DOUBLE_EQ(made.learning_rate(360), (1e-3 + 1e-4) / 2);
}

TEST(Schedule, takes_samples_as_they_are) {
  Settings settings = usual();
  settings.train.train_iters.reset();
  settings.train.train_samples = 1001;
  settings.scheduler.lr_warmup_samples = 11;
  Schedule made = schedule(settings);
  EXPECT_EQ(made.decay_steps, 1001);
  EXPECT_EQ(made.warmup_steps, 11);
  EXPECT_EQ(train_iters(settings), 125);
  settings.scheduler.lr_decay_samples = 500;
  EXPECT_EQ(schedule(settings).decay_steps, 500);
}

TEST(Schedule, takes_a_warmup_fraction_that_is_not_whole) {
  Settings settings = usual();
  settings.scheduler.lr_warmup_fraction = 0.01;
  const Schedule made = schedule(settings);
  EXPECT_EQ(made.warmup_steps, 8);
  settings.train.train_iters = 33;
  EXPECT_DOUBLE_EQ(schedule(settings).warmup_steps, 2.64);
}

TEST(Schedule, cuts_a_warmup_as_long_as_the_run) {
  Settings settings = usual();
  settings.scheduler.lr_warmup_iters = 100;
  EXPECT_EQ(schedule(settings).warmup_steps, 799);
  settings.scheduler.lr_warmup_iters = 2000;
  EXPECT_EQ(schedule(settings).warmup_steps, 799);
}

TEST(Schedule, takes_the_optimizers_weight_decay_unless_the_scheduler_has_one) {
  Settings settings = usual();
  EXPECT_EQ(schedule(settings).weight_decay(0), 0.1);
  EXPECT_EQ(schedule(settings).weight_decay(800), 0.1);
  settings.scheduler.start_weight_decay = 0.0;
  settings.scheduler.end_weight_decay = 0.3;
  settings.scheduler.weight_decay_incr_style = IncreaseStyle::linear;
  EXPECT_EQ(schedule(settings).weight_decay(0), 0);
  EXPECT_DOUBLE_EQ(schedule(settings).weight_decay(400), 0.15);
}

TEST(Schedule, fails_without_what_it_needs) {
  Settings settings = usual();
  settings.optimizer.lr.reset();
  expect_error(Kind::user, {"optimizer.lr is not set"}, [&] { schedule(settings); });
  settings = usual();
  settings.train.train_iters.reset();
  expect_error(Kind::user, {"neither train.train_iters nor train.train_samples"},
               [&] { schedule(settings); });
  settings = usual();
  settings.train.micro_batch_size.reset();
  expect_error(Kind::user, {"train.micro_batch_size is not set"}, [&] { schedule(settings); });
  settings = usual();
  settings.train.train_iters = int64_t{1} << 61;
  expect_error(Kind::user, {"train.train_iters is 2305843009213693952", "global batch of 8"},
               [&] { schedule(settings); });
}

}  // namespace
}  // namespace bascule
