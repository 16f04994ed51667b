// Every setting of Megatron Bridge 0.3.1 is a setting here, with its default, or refused with a
// reason; and every setting that the table of Megatron's names reads can be given in a recipe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "families/hf_config.h"
#include "families/run_config.h"
#include "recipe/known_keys.h"
#include "recipe/settings.h"
#include "spec/read_text.h"

namespace bascule {
namespace {

Tree yaml(const std::string& path) { return parse_yaml(read_text(path), path); }

std::map<std::string, Tree> our_defaults() {
  Settings settings;
  std::map<std::string, Tree> all;
  for (const Field& field : fields_of(settings)) all[field.path] = field.fallback;
  return all;
}

// Where a default is another than Megatron's; the help text of each says so.
const std::map<std::string, std::string> kOtherDefaults = {
    {"dataset.random_seed", "required there"},
    {"dataset.reset_attention_mask", "null there, which fails"},
    {"dataset.reset_position_ids", "null there, which fails"},
    {"dataset.eod_mask_loss", "null there, which fails"},
};

TEST(MegatronKeys, are_settings_with_their_defaults_or_refused_with_a_reason) {
  const std::map<std::string, Tree> ours = our_defaults();
  const Tree theirs = yaml("tests/unit/recipe/data/megatron_settings.yaml");
  int settings = 0, refused = 0;
  for (const Tree::Entry& group : theirs.entries())
    for (const Tree::Entry& key : group.value.entries()) {
      const std::string path = group.key + "." + key.key;
      const auto found = ours.find(std::string(name_here(path)));
      if (found == ours.end()) {
        EXPECT_NE(why_unsupported(path), "") << path;
        ++refused;
        continue;
      }
      EXPECT_EQ(why_unsupported(path), "") << path;
      ++settings;
      if (kOtherDefaults.contains(path)) continue;
      if (key.value == Tree("required")) {
        EXPECT_TRUE(found->second.is_null()) << path;
      } else {
        EXPECT_EQ(brief(found->second), brief(key.value)) << path;
      }
    }
  EXPECT_GT(settings, 60);
  EXPECT_GT(refused, 150);
}

TEST(MegatronKeys, of_models_are_settings_or_refused_with_a_reason) {
  const std::map<std::string, Tree> ours = our_defaults();
  const Tree theirs = yaml("tests/unit/families/data/megatron_defaults.yaml");
  for (const Tree::Entry& provider : theirs.entries())
    for (const Tree::Entry& key : provider.value.entries()) {
      const std::string path = "model." + key.key;
      EXPECT_TRUE(ours.contains(path) != !why_unsupported(path).empty()) << path;
    }
}

// Settings of training keep Megatron's default; those of the architecture are unset.
TEST(MegatronKeys, of_models_have_their_defaults) {
  const Tree theirs = yaml("tests/unit/families/data/megatron_defaults.yaml");
  Settings settings;
  std::set<std::string> architecture;
  FieldCollector collector("model.");
  static_cast<Architecture&>(settings.model).fields(collector);
  for (const Field& field : collector.take()) architecture.insert(field.path);
  int compared = 0;
  for (const Field& field : fields_of(settings)) {
    if (field.group() != "model") continue;
    if (architecture.contains(field.path)) {
      EXPECT_TRUE(field.fallback.is_null()) << field.path;
      continue;
    }
    const Tree* their = theirs.entries()[0].value.find(field.name());
    if (!their) {
      EXPECT_EQ(field.path, "model.family");
      continue;
    }
    EXPECT_EQ(brief(field.fallback), brief(*their)) << field.path;
    ++compared;
  }
  EXPECT_GT(compared, 15);
}

// Keys that the table writes for Bridge's sake, or that other settings decide.
const std::set<std::string> kNotInRecipes = {"_target_",
                                             "bf16",
                                             "fp16",
                                             "params_dtype",
                                             "attention_dropout",
                                             "hidden_dropout",
                                             "glu_linear_offset",
                                             "activation_func_clamp_value",
                                             "cp_comm_type",
                                             "moe_grouped_gemm",
                                             "moe_permute_fusion",
                                             "moe_token_dispatcher_type",
                                             "perform_initialization",
                                             "use_cpu_initialization",
                                             "apply_rope_fusion",
                                             "bias_activation_fusion",
                                             "bias_dropout_fusion",
                                             "masked_softmax_fusion",
                                             "persist_layer_norm",
                                             "autocast_dtype",
                                             "moe_router_dtype"};

TEST(MegatronKeys, that_run_config_has_can_be_given_in_a_recipe) {
  const std::map<std::string, Tree> ours = our_defaults();
  for (const char* model :
       {"gemma/gemma_7b", "gemma2/gemma2_2b", "gemma3/gemma3_1b_it", "llama/llama3.1_8b",
        "mistral/mistral_7b_v0.1", "olmoe/olmoe_1b_7b_0125", "qwen2/qwen2_7b", "qwen3/qwen3_8b",
        "qwen3_moe/qwen3_30b_a3b"}) {
    const std::string file = std::string("tests/spec/fixtures/") + model + "/config.json";
    HfConfig published = read_hf_config(read_text(file), file);
    RunConfig config{.model = {.arch = published.arch}};
    const Tree run = parse_yaml(run_config_yaml(*published.family, config), "run_config.yaml");
    for (const Tree::Entry& key : run.find("model")->entries()) {
      const std::string path = "model." + key.key;
      if (kNotInRecipes.contains(key.key)) {
        EXPECT_NE(why_unsupported(path), "") << path;
      } else {
        EXPECT_TRUE(ours.contains(path)) << path;
      }
    }
  }
}

TEST(MegatronKeys, that_it_does_not_have_are_not_known) {
  for (const char* path :
       {"", ".", "train", "train.", "train.gc", "train. ", "train.manual", "train.manual_gc ",
        "model.fp", "optimizer.momentum", "nonsense", "nonsense.key", "model. fp8", "*", "ddpx.a"})
    EXPECT_EQ(why_unsupported(path), "") << path;
}

TEST(MegatronKeys, of_whole_groups_are_known) {
  for (const char* path : {"ddp", "ddp.bucket_size", "dist.lazy_init", "ft.enable_ft_package",
                           "comm_overlap.tp_comm_overlap", "peft.dim", "_target_", "model._target_",
                           "scheduler.max_lr"})
    EXPECT_NE(why_unsupported(path), "") << path;
}

}  // namespace
}  // namespace bascule
