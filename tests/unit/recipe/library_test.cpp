// Every recipe of the library: it resolves, it is a model, and it says nothing twice.
#include "recipe/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "families/hf_config.h"
#include "families/run_config.h"
#include "recipe/flops.h"
#include "recipe/resolve.h"
#include "spec/read_text.h"
#include "unit/expect_error.h"

namespace bascule {
namespace {

/// The model of a recipe of the library.
MegatronConfig model_of(const std::string& name) {
  const Settings settings = resolve(name, {}, "").settings;
  return read_model_settings(architecture(settings), family_named(*settings.model.family),
                             "recipe " + name);
}

// In thousands of millions, as published with the weights.
TEST(Library, has_models_of_the_published_sizes) {
  const std::map<std::string, double> sizes = {
      {"gemma2_27b", 27.227},       {"gemma2_2b", 2.614},      {"gemma2_9b", 9.242},
      {"gemma3_1b", 1.000},         {"gemma_2b", 2.506},       {"gemma_7b", 8.538},
      {"llama2_7b", 6.738},         {"llama31_405b", 405.853}, {"llama31_70b", 70.554},
      {"llama31_8b", 8.030},        {"llama32_1b", 1.236},     {"llama32_3b", 3.213},
      {"llama33_70b", 70.554},      {"llama3_70b", 70.554},    {"llama3_70b_16k", 70.554},
      {"llama3_70b_64k", 70.554},   {"llama3_8b", 8.030},      {"llama3_8b_128k", 8.030},
      {"llama3_8b_16k", 8.030},     {"llama3_8b_64k", 8.030},  {"mistral_7b", 7.242},
      {"mistral_nemo_12b", 12.248}, {"olmoe_7b", 6.919},       {"qwen25_14b", 14.770},
      {"qwen25_1p5b", 1.544},       {"qwen25_32b", 32.764},    {"qwen25_500m", 0.494},
      {"qwen25_72b", 72.706},       {"qwen25_7b", 7.616},      {"qwen2_1p5b", 1.544},
      {"qwen2_500m", 0.494},        {"qwen2_72b", 72.706},     {"qwen2_7b", 7.616},
      {"qwen3_14b", 14.768},        {"qwen3_1p7b", 1.721},     {"qwen3_235b_a22b", 235.094},
      {"qwen3_30b_a3b", 30.532},    {"qwen3_32b", 32.762},     {"qwen3_4b", 4.022},
      {"qwen3_600m", 0.596},        {"qwen3_8b", 8.191},       {"smollm2_135m", 0.1345},
  };
  std::vector<std::string> named;
  for (const auto& [name, size] : sizes) {
    named.push_back(name);
    EXPECT_NEAR(static_cast<double>(parameter_counts(model_of(name).arch).all) / 1e9, size,
                size * 5e-4)
        << name;
  }
  EXPECT_EQ(recipe_names(), named);
}

TEST(Library, has_the_active_parameters_of_mixtures) {
  EXPECT_NEAR(static_cast<double>(parameter_counts(model_of("qwen3_30b_a3b").arch).active) / 1e9,
              3.34, 0.02);
  EXPECT_NEAR(static_cast<double>(parameter_counts(model_of("qwen3_235b_a22b").arch).active) / 1e9,
              22.1, 0.1);
  EXPECT_NEAR(static_cast<double>(parameter_counts(model_of("olmoe_7b").arch).active) / 1e9, 1.28,
              0.01);
}

// A recipe is the model whose config.json is published, as far as Megatron's settings tell.
TEST(Library, has_the_published_models) {
  const std::pair<const char*, const char*> rows[] = {
      {"gemma2_2b", "gemma2/gemma2_2b"},
      {"gemma2_9b", "gemma2/gemma2_9b"},
      {"gemma3_1b", "gemma3/gemma3_1b_it"},
      {"gemma_7b", "gemma/gemma_7b"},
      {"llama31_70b", "llama/llama3.1_70b_instruct"},
      {"llama31_8b", "llama/llama3.1_8b"},
      {"llama32_1b", "llama/llama3.2_1b_instruct"},
      {"llama32_3b", "llama/llama3.2_3b_instruct"},
      {"llama33_70b", "llama/llama3.3_70b_instruct"},
      {"llama3_70b", "llama/llama3_70b"},
      {"mistral_7b", "mistral/mistral_7b_v0.1"},
      {"mistral_nemo_12b", "mistral/mistral_nemo_12b"},
      {"olmoe_7b", "olmoe/olmoe_1b_7b_0125"},
      {"qwen25_500m", "qwen2/qwen2.5_0.5b"},
      {"qwen25_7b", "qwen2/qwen2.5_7b"},
      {"qwen2_7b", "qwen2/qwen2_7b"},
      {"qwen3_30b_a3b", "qwen3_moe/qwen3_30b_a3b"},
      {"qwen3_4b", "qwen3/qwen3_4b"},
      {"qwen3_8b", "qwen3/qwen3_8b"},
      {"smollm2_135m", "llama/smollm2_135m"},
  };
  for (const auto& [name, fixture] : rows) {
    SCOPED_TRACE(name);
    const std::string file = std::string("tests/spec/fixtures/") + fixture + "/config.json";
    const HfConfig published = read_hf_config(read_text(file), file);
    const MegatronConfig model = model_of(name);
    EXPECT_EQ(resolve(name, {}, "").settings.model.family, published.family->name);
    EXPECT_EQ(model.vocab_multiple, 1);
    EXPECT_EQ(difference(model.arch, as_megatron_holds(*published.family, published.arch)), "");
    EXPECT_TRUE(model.arch == as_megatron_holds(*published.family, published.arch));
  }
}

TEST(Library, has_the_peers_training_values) {
  const Settings llama = resolve("llama32_1b", {}, "").settings;
  EXPECT_EQ(llama.train.train_iters, 1168251);
  EXPECT_EQ(llama.train.global_batch_size, 512);
  EXPECT_EQ(llama.train.micro_batch_size, 1);
  EXPECT_EQ(llama.scheduler.lr_warmup_iters, 2000);
  EXPECT_EQ(llama.scheduler.lr_decay_style, DecayStyle::cosine);
  EXPECT_EQ(llama.optimizer.lr, 3e-4);
  EXPECT_EQ(llama.optimizer.min_lr, 3e-5);
  EXPECT_EQ(llama.optimizer.adam_beta2, 0.95);
  EXPECT_EQ(llama.optimizer.weight_decay, 0.033);
  EXPECT_EQ(llama.model.seq_length, 8192);
  EXPECT_EQ(llama.validation.eval_iters, 32);
  EXPECT_EQ(llama.mixed_precision, MixedPrecision::bf16);
  const Settings qwen = resolve("qwen3_30b_a3b", {}, "").settings;
  EXPECT_EQ(qwen.train.train_iters, 300000);
  EXPECT_EQ(qwen.train.global_batch_size, 32);
  EXPECT_EQ(qwen.train.micro_batch_size, 2);
  EXPECT_EQ(qwen.model.seq_length, 4096);
  EXPECT_EQ(qwen.model.recompute_granularity, RecomputeGranularity::full);
  EXPECT_EQ(resolve("olmoe_7b", {}, "").settings.train.global_batch_size, 2048);
  EXPECT_EQ(resolve("gemma3_1b", {}, "").settings.model.seq_length, 32768);
  EXPECT_EQ(resolve("llama31_405b", {}, "").settings.model.seq_length, 131072);
}

TEST(Library, trains_its_small_model_on_a_cpu) {
  const Settings settings = resolve("smollm2_135m", {}, "").settings;
  EXPECT_FALSE(settings.mixed_precision.has_value());
  EXPECT_EQ(settings.model.seq_length, 512);
  EXPECT_EQ(model_of("smollm2_135m").arch.max_positions, 8192);
}

TEST(Library, says_nothing_that_a_base_says) {
  for (const LibraryRecipe& recipe : recipe_library())
    EXPECT_THAT(redundant_keys(std::string(recipe.name)), testing::IsEmpty()) << recipe.name;
}

TEST(Library, has_comments_that_say_where_values_come_from) {
  for (const LibraryRecipe& recipe : recipe_library())
    EXPECT_TRUE(recipe.text.starts_with("# ")) << recipe.name;
}

TEST(Library, finds_names_in_models_and_bases) {
  EXPECT_EQ(library_recipe("llama32_1b").name, "models/llama32_1b");
  EXPECT_EQ(library_recipe("pretrain").name, "base/pretrain");
  EXPECT_EQ(library_recipe("hardware/h100").name, "hardware/h100");
}

TEST(Library, names_the_nearest_of_what_it_lacks) {
  const std::pair<const char*, const char*> rows[] = {
      {"llama32_1", "llama32_1b"},
      {"llama3.2_1b", "llama32_1b"},
      {"LLAMA32_1B", "llama32_1b"},
      {"qwen3_30b_a3", "qwen3_30b_a3b"},
      {"pretain", "did you mean pretrain?"},
      {"", "no recipe is named \"\""},
      {"h100", "no recipe is named \"h100\""},
      {"resnet50", "no recipe is named \"resnet50\" (the name of a file"},
      {"base/", "no recipe"},
      {"models/llama32_1b.yml", "no recipe"},
  };
  for (const auto& [name, says] : rows)
    expect_error(Kind::user, {says}, [name = name] { library_recipe(name); });
}

}  // namespace
}  // namespace bascule
