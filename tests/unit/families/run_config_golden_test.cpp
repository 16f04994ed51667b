// Our run_config.yaml against the one that Megatron Bridge 0.3.1 wrote for the same model, setting
// by setting, and what each says when it is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "families/run_config.h"
#include "unit/families/golden_models.h"

namespace bascule {
namespace {

/// What Bridge's finalize() derives from other settings, or from the machine.
const std::map<std::string, std::string> kDerived = {
    {"autocast_dtype", "from params_dtype, unless the family has another"},
    {"cuda_graph_scope", "a newer spelling of its default"},
    {"embedding_init_method", "from init_method_std"},
    {"embedding_init_method_std", "from init_method_std"},
    {"expert_tensor_parallel_size", "from tensor_model_parallel_size"},
    {"init_method", "from init_method_std"},
    {"microbatch_group_size_per_vp_stage", "from pipeline_model_parallel_size"},
    {"output_layer_init_method", "from init_method_std and num_layers"},
    {"recompute_modules", "a constant that stands for null"},
};
/// What belongs to the run that wrote the file.
const std::map<std::string, std::string> kOfTheRun = {
    {"pipeline_dtype", "given with llama_tp2's parallel sizes only"},
};
/// By model: what is different on purpose.
const std::map<std::string, std::map<std::string, std::string>> kOnPurpose = {
    {"gemma3", {{"window_size", "63 makes Megatron's window the 64 keys of transformers"}}},
    {"llama_tp2", {{"tensor_model_parallel_size", "how many ranks wrote the file"}}},
    {"qwen3_moe", {{"ffn_hidden_size", "no layer is dense, so no parameter has this width"}}},
    {"olmoe", {{"ffn_hidden_size", "no layer is dense, so no parameter has this width"}}},
};

bool excused(const std::string& model, const std::string& key) {
  const auto rows = kOnPurpose.find(model);
  return kDerived.contains(key) || kOfTheRun.contains(key) ||
         (rows != kOnPurpose.end() && rows->second.contains(key));
}

/// Equal as Python sees it: 20 is 20.0.
bool same(const Tree& a, const Tree& b) {
  using Type = Tree::Type;
  const auto number = [](const Tree& t) {
    return t.type() == Type::integer || t.type() == Type::real;
  };
  if (number(a) && number(b)) return a.real() == b.real();
  if (a.is_list() && b.is_list())
    return std::equal(a.list_items().begin(), a.list_items().end(), b.list_items().begin(),
                      b.list_items().end(), same);
  return a.sorted() == b.sorted();
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  HfConfig hf_ = read_golden(GetParam());
  std::string their_file_ = golden_run_config(GetParam());
  std::string their_text_ = read_text(their_file_);
  Tree theirs_ = parse_yaml(their_text_, their_file_);

  std::string our_text() const {
    RunConfig config;
    config.model.arch = hf_.arch;
    config.model.dtype = hf_.dtype;
    config.hf_model_id = theirs_.at("model.hf_model_id")->string();
    config.has_tokenizer = true;
    return run_config_yaml(*hf_.family, config);
  }
  Tree ours_ = parse_yaml(our_text(), "ours");
};

TEST_P(Golden, WhatWeWriteIsWhatBridgeWrites) {
  const Tree& theirs = *theirs_.find("model");
  int compared = 0;
  for (const Tree::Entry& entry : ours_.find("model")->entries()) {
    const Tree* wanted = theirs.find(entry.key);
    if (!wanted && entry.value.is_null()) continue;
    ASSERT_TRUE(wanted) << entry.key;
    if (excused(GetParam(), entry.key) && entry.key != "autocast_dtype") {
      EXPECT_FALSE(same(entry.value, *wanted)) << entry.key << " needs no excuse";
      continue;
    }
    EXPECT_TRUE(same(entry.value, *wanted))
        << entry.key << ": ours " << brief(entry.value) << ", Bridge's " << brief(*wanted);
    ++compared;
  }
  EXPECT_GE(compared, 45);
}

TEST_P(Golden, WhatBridgeSetsWeSet) {
  const std::string file = "tests/unit/families/data/megatron_defaults.yaml";
  const Tree defaults = parse_yaml(read_text(file), file);
  const Tree* general = defaults.find("megatron.bridge.models.gpt_provider.GPTModelProvider");
  const Tree& model = *theirs_.find("model");
  const Tree* own = defaults.find(model.find("_target_")->string());
  ASSERT_TRUE(general && own);
  const Tree& ours = *ours_.find("model");
  for (const Tree::Entry& entry : model.entries()) {
    const Tree* usual = own->find(entry.key);
    if (!usual) usual = general->find(entry.key);
    if (usual && same(entry.value, *usual)) continue;
    if (excused(GetParam(), entry.key)) continue;
    EXPECT_TRUE(ours.find(entry.key)) << entry.key << " is " << brief(entry.value);
  }
}

TEST_P(Golden, BridgesSaysTheSameAsConfigJson) {
  const RunConfig read = read_run_config(their_text_, their_file_);
  EXPECT_TRUE(read.model.arch == hf_.arch);
  EXPECT_EQ(read.model.dtype, hf_.dtype);
  EXPECT_EQ(read.model.vocab_multiple, 1);
  EXPECT_EQ(read.hf_model_id, theirs_.at("model.hf_model_id")->string());
  EXPECT_TRUE(read.has_tokenizer);
  EXPECT_THAT(read.families, testing::ElementsAre(hf_.family->name));
}

TEST_P(Golden, OursSaysTheSameAsConfigJson) {
  const RunConfig read = read_run_config(our_text(), "ours");
  EXPECT_TRUE(read.model.arch == hf_.arch);
  EXPECT_EQ(read.model.dtype, hf_.dtype);
  EXPECT_EQ(read.model.vocab_multiple, 1);
  EXPECT_EQ(read.hf_model_id, theirs_.at("model.hf_model_id")->string());
  EXPECT_TRUE(read.has_tokenizer);
  EXPECT_THAT(read.families, testing::ElementsAre(hf_.family->name));
  EXPECT_TRUE(as_megatron_holds(*hf_.family, hf_.arch) == hf_.arch);
}

TEST_P(Golden, HasTheSectionsThatBridgeReads) {
  EXPECT_EQ(*ours_.at("checkpoint.save_optim"), Tree(false));
  EXPECT_EQ(*ours_.at("checkpoint.save_rng"), Tree(false));
  EXPECT_EQ(*ours_.at("checkpoint.ckpt_format"), Tree("torch_dist"));
  EXPECT_EQ(*ours_.at("model.pipeline_model_parallel_size"), Tree(1));
  for (const char* key :
       {"_target_", "checkpoint._target_", "checkpoint.fully_parallel_save", "tokenizer._target_",
        "tokenizer.tokenizer_type", "tokenizer.tokenizer_model", "model._target_"})
    EXPECT_EQ(*ours_.at(key), *theirs_.at(key)) << key;
  EXPECT_EQ(*ours_.at("bascule.family"), Tree(hf_.family->name));
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(kGoldenModels),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace bascule
