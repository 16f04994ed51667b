// A recipe that a program changes.
#include "recipe/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/base/temporary_directory.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Configuration of_llama() { return {"base: llama32_1b\n", "the test"}; }

Origin origin_of(const Resolved& resolved, const std::string& path) {
  for (const ResolvedValue& value : resolved.values)
    if (value.path == path) return value.origin;
  ADD_FAILURE() << path;
  return {};
}

TEST(Configuration, has_the_recipes_values_and_those_that_are_set) {
  Configuration configuration = of_llama();
  EXPECT_EQ(configuration.get("model.num_layers"), Tree(16));
  EXPECT_EQ(configuration.get("train.eval_iters"), Tree(32));
  configuration.set("train.eval_iters", Tree(7), "7");
  EXPECT_EQ(configuration.get("validation.eval_iters"), Tree(7));
  EXPECT_THAT(configuration.names("rng"), ElementsAre("seed"));
  EXPECT_THAT(configuration.names(""), ElementsAre("mixed_precision"));
}

TEST(Configuration, writes_what_was_set) {
  Configuration configuration = of_llama();
  EXPECT_EQ(configuration.yaml(), "base:\n- llama32_1b\n");
  configuration.set("mixed_precision", Tree(), "None");
  configuration.set("train.train_iters", Tree(5), "5");
  configuration.set("optimizer.lr", Tree(3e-4), "0.0003");  // the recipe's own value is set, too
  const std::string text = configuration.yaml();
  EXPECT_EQ(text,
            "base:\n- llama32_1b\nmixed_precision: null\noptimizer:\n  lr: 0.0003\n"
            "train:\n  train_iters: 5\n");
  const Resolved resolved = resolve_text(text, "python");
  EXPECT_EQ(resolved.recipe, "python");
  EXPECT_FALSE(resolved.settings.mixed_precision.has_value());
  EXPECT_EQ(resolved.settings.train.train_iters, 5);
  EXPECT_EQ(origin_of(resolved, "optimizer.lr").place, "python");
  EXPECT_EQ(origin_of(resolved, "optimizer.min_lr").place, "recipes/base/pretrain.yaml:11");
  EXPECT_EQ(Configuration(text, "again").yaml(), text);
}

TEST(ResolveText, of_a_programs_own_model) {
  const std::string plain = "base: pretrain\nmodel: {seq_length: 64, vocab_size: 100}\n";
  expect_error(Kind::user, {"model.family is not set"}, [&] { resolve_text(plain, "python"); });
  EXPECT_EQ(resolve_text(plain, "python", ModelFrom::program).settings.model.seq_length, 64);
  const std::string other = "base: pretrain\nmodel: {hidden_size: 64}\n";
  expect_error(Kind::user, {"model.hidden_size is 64, but the model is a module of the program's"},
               [&] { resolve_text(other, "python", ModelFrom::program); });
}

TEST(CheckWithoutPython, refuses_services) {
  const Resolved resolved =
      resolve("llama32_1b", {"logger.wandb_project=mine", "logger.wandb_exp_name=first"}, "");
  expect_error(Kind::unsupported, {"logger.wandb_project is mine", "a client for Python only"},
               [&] { check_without_python(resolved.settings); });
  const Resolved tagged = resolve(
      "llama32_1b",
      {"logger.mlflow_experiment=e", "logger.mlflow_run_name=r", "logger.mlflow_tags={team: blue}"},
      "");
  EXPECT_EQ(tagged.settings.logger.mlflow_tags, (Texts{{"team", "blue"}}));
}

TEST(Configuration, says_which_value_is_not_accepted) {
  Configuration configuration = of_llama();
  expect_error(Kind::user, {"train.train_iters is -1; accepted is an integer of at least 1"},
               [&] { configuration.set("train.train_iters", Tree(-1), "-1"); });
  expect_error(Kind::user, {"train.train_iters is <x>; accepted is an integer of at least 1"},
               [&] { configuration.set("train.train_iters", std::nullopt, "<x>"); });
  expect_error(Kind::user, {"train.train_iter", "is no setting; did you mean train.train_iters?"},
               [&] { configuration.set("train.train_iter", Tree(1), "1"); });
  expect_error(Kind::unsupported, {"scheduler.max_lr", "the peak is optimizer.lr"},
               [&] { configuration.get("scheduler.max_lr"); });
  EXPECT_EQ(configuration.yaml(), "base:\n- llama32_1b\n");
}

TEST(Configuration, looks_at_a_model_alone) {
  Configuration configuration = of_llama();
  configuration.set("train.train_samples", Tree(3), "3");  // beside train_iters
  configuration.check_model();
  configuration.set("model.context_parallel_size", Tree(2), "2");
  expect_error(Kind::unsupported, {"model.context_parallel_size is 2", "one device so far"},
               [&] { configuration.check_model(); });
}

TEST(Configuration, copies_change_alone) {
  Configuration first = of_llama();
  first.set("rng.seed", Tree(1), "1");
  Configuration second = first;
  second.set("rng.seed", Tree(2), "2");
  EXPECT_EQ(first.get("rng.seed"), Tree(1));
  EXPECT_EQ(second.get("rng.seed"), Tree(2));
  EXPECT_EQ(first.yaml(), "base:\n- llama32_1b\nrng:\n  seed: 1\n");
}

TEST(Configuration, names_the_files_that_it_is_based_on) {
  const TemporaryDirectory folder;
  put(folder / "base.yaml", "rng:\n  seed: 1\n");
  put(folder / "run.yaml", "base: base.yaml\noptimizer:\n  lr: 1\n");
  Configuration configuration = Configuration::of_file(folder / "run.yaml");
  const std::string base = (folder / "base.yaml").string();
  EXPECT_EQ(configuration.yaml(), "base:\n- " + base + "\noptimizer:\n  lr: 1.0\n");
  EXPECT_THAT(configuration.annotated(), HasSubstr((folder / "run.yaml").string() + ":3\n"));
  EXPECT_THAT(configuration.annotated(), HasSubstr(base + ":2\n"));
  configuration.set("rng.seed", Tree(3), "3");
  EXPECT_THAT(configuration.annotated(), Not(HasSubstr(base + ":2\n")));
}

}  // namespace
}  // namespace bascule
