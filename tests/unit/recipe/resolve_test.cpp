// Values, their order and their origins.
#include "recipe/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "families/run_config.h"
#include "recipe/layers.h"
#include "unit/base/temporary_directory.h"

namespace bascule {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A recipe's file for a small model.
constexpr const char* kToy = R"(base: [pretrain, llama]
model:
  num_layers: 2
  hidden_size: 64
  ffn_hidden_size: 96

  num_attention_heads: 4
  vocab_size: 512
  seq_length: 32
)";

struct Folder : TemporaryDirectory {
  std::string file(const std::string& name, const std::string& text) const {
    put(*this / name, text);
    return (*this / name).string();
  }
};

Origin origin(const Resolved& resolved, const std::string& path) {
  for (const ResolvedValue& value : resolved.values)
    if (value.path == path) return value.origin;
  ADD_FAILURE() << path;
  return {};
}

TEST(Resolve, takes_the_library_then_the_file_then_overrides_then_the_environment) {
  const Folder folder;
  const std::string file = folder.file("toy.yaml", kToy);
  const Resolved resolved =
      resolve(file, {"optimizer.lr=1e-3", "train.train_iters=7", "optimizer.lr=2e-3"},
              "train.train_iters=9 scheduler.lr_decay_style=WSD scheduler.lr_wsd_decay_iters=2");
  EXPECT_EQ(resolved.recipe, file);
  const Settings& settings = resolved.settings;
  EXPECT_EQ(settings.optimizer.lr, 2e-3);
  EXPECT_EQ(settings.train.train_iters, 9);
  EXPECT_EQ(settings.scheduler.lr_decay_style, DecayStyle::wsd);
  EXPECT_EQ(settings.model.hidden_size, 64);
  EXPECT_EQ(settings.optimizer.min_lr, 3e-5);

  EXPECT_EQ(origin(resolved, "optimizer.lr").place, "override");
  EXPECT_EQ(origin(resolved, "optimizer.lr").kind, Origin::Kind::argument);
  EXPECT_EQ(origin(resolved, "train.train_iters").place, "BASCULE_OVERRIDES");
  EXPECT_EQ(origin(resolved, "train.train_iters").kind, Origin::Kind::environment);
  EXPECT_EQ(origin(resolved, "model.num_layers").place, file + ":3");
  EXPECT_EQ(origin(resolved, "model.num_attention_heads").place, file + ":7");
  EXPECT_EQ(origin(resolved, "model.num_attention_heads").kind, Origin::Kind::recipe);
  EXPECT_EQ(origin(resolved, "model.gated_linear_unit").place, "recipes/base/swiglu.yaml:5");
  EXPECT_EQ(origin(resolved, "optimizer.min_lr").place, "recipes/base/pretrain.yaml:11");
  EXPECT_EQ(origin(resolved, "rng.seed").place, "default");
  EXPECT_EQ(origin(resolved, "rng.seed").kind, Origin::Kind::fallback);
}

TEST(Resolve, reads_the_environment) {
  ASSERT_EQ(::setenv("BASCULE_OVERRIDES", "rng.seed=5", 1), 0);
  EXPECT_EQ(resolve("llama32_1b", {"rng.seed=4"}).settings.rng.seed, 5);
  ASSERT_EQ(::unsetenv("BASCULE_OVERRIDES"), 0);
  EXPECT_EQ(resolve("llama32_1b", {"rng.seed=4"}).settings.rng.seed, 4);
  EXPECT_EQ(resolve("llama32_1b").settings.rng.seed, 1234);
}

TEST(Resolve, gives_null_its_meaning) {
  const Settings settings =
      resolve("llama32_1b", {"mixed_precision=null", "validation.eval_interval=null"}, "").settings;
  EXPECT_FALSE(settings.mixed_precision.has_value());
  EXPECT_FALSE(settings.validation.eval_interval.has_value());
}

TEST(Resolve, knows_megatrons_other_names) {
  const Resolved resolved = resolve("llama32_1b", {"train.eval_iters=3"}, "");
  EXPECT_EQ(resolved.settings.validation.eval_iters, 3);
  EXPECT_EQ(origin(resolved, "validation.eval_iters").place, "override");
  EXPECT_EQ(resolve("llama32_1b", {"dataset.sequence_length=8192"}, "").settings.dataset.seq_length,
            8192);
}

TEST(Resolve, takes_files_beside_a_file_and_names_of_the_library) {
  const Folder folder;
  folder.file("toy.yaml", kToy);
  folder.file("sub/more.yaml", "base: ../toy.yaml\ntrain:\n  train_iters: 3\n");
  const std::string last = folder.file("last.yaml", "base: [sub/more.yaml, hardware/h100]\n");
  const Settings settings = resolve(last, {}, "").settings;
  EXPECT_EQ(settings.train.train_iters, 3);
  EXPECT_EQ(settings.model.num_layers, 2);
  EXPECT_EQ(settings.mixed_precision, MixedPrecision::bf16);
}

TEST(Resolve, takes_each_file_once_where_it_is_named_first) {
  const Folder folder;
  const std::string root = folder.file("root.yaml", "rng: {seed: 1}\n");
  folder.file("left.yaml", "base: root.yaml\nrng: {seed: 2}\n");
  folder.file("right.yaml", "base: root.yaml\n");
  const std::string top = folder.file("top.yaml", "base: [left.yaml, right.yaml]\n");
  std::vector<std::string> places;
  for (const RecipeLayer& layer : recipe_layers(top))
    places.push_back(std::filesystem::path(layer.place).filename().string());
  EXPECT_THAT(places, ElementsAre("root.yaml", "left.yaml", "right.yaml", "top.yaml"));
}

TEST(Resolve, takes_an_empty_file_and_an_empty_group) {
  const Folder folder;
  folder.file("empty.yaml", "# nothing\n");
  const std::string file =
      folder.file("toy.yaml", "base: [llama32_1b, empty.yaml]\ntrain:\n  # train_iters: 3\n");
  EXPECT_EQ(resolve(file, {}, "").settings, resolve("llama32_1b", {}, "").settings);
}

TEST(Resolve, writes_yaml_that_resolves_to_the_same) {
  const std::vector<std::string> overrides = {
      "dataset.blend=[0.3, \"data/a b\", 0.7, 'data/#b: c']",
      "train.rampup_batch_size=[64, 64, 9]",
      "checkpoint.save=null",
      "checkpoint.load='1e5'",
      "optimizer.lr=1e-9",
      "dataset.path_to_cache= spaced: "};
  for (const char* recipe : {"gemma3_1b", "qwen3_30b_a3b", "smollm2_135m"}) {
    const bool small = std::string(recipe) != "gemma3_1b";
    std::vector<std::string> given = overrides;
    if (small) given.erase(given.begin() + 1);
    given.emplace_back("optimizer.min_lr=0");
    const Resolved resolved = resolve(recipe, given, "");
    const std::string yaml = to_annotated_yaml(resolved);
    const Folder folder;
    const Resolved again = resolve(folder.file("again.yaml", yaml), {}, "");
    EXPECT_TRUE(again.settings == resolved.settings) << yaml;
    EXPECT_EQ(again.notes, resolved.notes);
  }
}

TEST(Resolve, annotates_every_value_with_its_origin) {
  const Resolved resolved = resolve("llama32_1b", {"rng.seed=3"}, "");
  const std::string yaml = to_annotated_yaml(resolved);
  EXPECT_THAT(yaml, HasSubstr("# bascule train llama32_1b\nmixed_precision: bf16_mixed"));
  EXPECT_THAT(yaml, HasSubstr("\ntrain:\n  micro_batch_size: 1 "));
  EXPECT_THAT(yaml, HasSubstr("# recipes/base/pretrain_long.yaml:"));
  EXPECT_THAT(yaml,
              HasSubstr("  seed: 3                                                 # override\n"));
  EXPECT_THAT(yaml, HasSubstr("  # default\n"));
  size_t comments = 0;
  for (size_t at = yaml.find("  # "); at != std::string::npos; at = yaml.find("  # ", at + 1))
    ++comments;
  size_t set = 0;
  for (const ResolvedValue& value : resolved.values)
    set += !value.value.is_null() || value.origin.kind != Origin::Kind::fallback;
  EXPECT_EQ(comments, set);
  EXPECT_GT(set, 80u);
}

TEST(Resolve, notes_what_someone_should_know) {
  EXPECT_THAT(resolve("llama32_1b", {}, "").notes, IsEmpty());
  EXPECT_THAT(resolve("llama32_1b", {"train.train_iters=100"}, "").notes,
              ElementsAre(HasSubstr("the warmup of 1024000 samples")));
  EXPECT_THAT(resolve("llama32_1b",
                      {"scheduler.start_weight_decay=0.05", "scheduler.end_weight_decay=0.05"}, "")
                  .notes,
              ElementsAre(HasSubstr("weight decay is the scheduler's, 0.05 to 0.05")));
}

TEST(Architecture, has_the_models_positions_and_types) {
  Settings settings = resolve("llama32_1b", {}, "").settings;
  const Tree model = architecture(settings);
  EXPECT_EQ(*model.find("seq_length"), Tree(131072));
  EXPECT_EQ(*model.find("bf16"), Tree(true));
  EXPECT_EQ(*model.at("params_dtype._target_"), Tree("torch.bfloat16"));
  EXPECT_EQ(*model.at("activation_func._target_"), Tree("torch.nn.functional.silu"));
  EXPECT_EQ(model.find("max_position_embeddings"), nullptr);
  EXPECT_EQ(model.find("family"), nullptr);
  EXPECT_EQ(model.find("recompute_granularity"), nullptr);
  settings.model.max_position_embeddings.reset();
  settings.mixed_precision.reset();
  EXPECT_EQ(*architecture(settings).find("seq_length"), Tree(8192));
  EXPECT_EQ(*architecture(settings).at("params_dtype._target_"), Tree("torch.float32"));
}

TEST(Architecture, becomes_a_model_of_its_family) {
  const Settings settings =
      resolve("smollm2_135m", {"model.num_layers=3", "model.should_pad_vocab=true"}, "").settings;
  const MegatronConfig model =
      read_model_settings(architecture(settings), family_named("llama"), "the recipe");
  EXPECT_EQ(model.arch.layers.size(), 3u);
  EXPECT_EQ(model.arch.hidden, 576);
  EXPECT_EQ(model.vocab_multiple, 128);
  EXPECT_EQ(model.dtype, "float32");
}

}  // namespace
}  // namespace bascule
