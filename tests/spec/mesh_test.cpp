// Over every family and every valid mesh of a small grid: a plan writes each element exactly once,
// nothing is unnamed, and what a mesh of ranks holds goes back into the file whole.
#include <gtest/gtest.h>

#include <algorithm>

#include "bascule/error.h"
#include "convert/plan.h"
#include "golden/goldens.h"

namespace bascule {
namespace {

/// A layer of the same kind with sizes that many meshes divide.
void shrink(Layer& layer) {
  {
    if (Gqa* gqa = std::get_if<Gqa>(&layer.mixer)) {
      const bool grouped = gqa->kv_heads != gqa->heads;
      gqa->heads = 8;
      gqa->kv_heads = grouped ? 2 : 8;  // fewer than the most ranks
      gqa->head_dim = 4;
    }
    if (Mla* mla = std::get_if<Mla>(&layer.mixer)) mla->heads = 8;
    if (Mamba2* mamba = std::get_if<Mamba2>(&layer.mixer)) {
      mamba->heads = 8;
      mamba->groups = 4;
    }
    if (Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward)) mlp->width = 8;
    if (Moe* moe = std::get_if<Moe>(&layer.feed_forward)) {
      moe->experts = 4;
      moe->width = 8;
      if (moe->shared_width) moe->shared_width = 16;
    }
  }
}

/// The model of a toy, small, with four layers of the toy's kinds.
Arch small(Arch arch) {
  arch.hidden = 16;
  arch.vocab = 26;
  arch.layers.resize(4, arch.layers.back());
  for (Layer& layer : arch.layers) shrink(layer);
  if (arch.mtp)
    for (Layer& layer : arch.mtp->layers) shrink(layer);
  return arch;
}

/// How often a plan writes each element of target `to`.
std::vector<int> writes(const Plan& plan, size_t to) {
  const Shape& shape = plan.to[to].shape;
  const Shape steps = strides(shape);
  std::vector<int> counts(static_cast<size_t>(elements(shape)), 0);
  for (const Copy& copy : plan.into(to)) {
    std::vector<int64_t> at = {0};
    for (size_t d = 0; d < shape.size(); ++d) at[0] += copy.to_at[d] * steps[d];
    for (const Copy::Dim& dim : *copy.dims) {
      std::vector<int64_t> wider;
      for (const int64_t base : at)
        for (const Run& run : unfolded(dim.runs))
          for (int64_t i = 0; i < run.length; ++i)
            wider.push_back(base + (run.to + i) * steps[static_cast<size_t>(dim.to)]);
      at = std::move(wider);
    }
    for (const int64_t element : at) ++counts.at(static_cast<size_t>(element));
  }
  return counts;
}

void expect_once(const Plan& plan) {
  for (size_t to = 0; to < plan.to.size(); ++to) {
    const std::vector<int> counts = writes(plan, to);
    const auto once = std::ranges::count(counts, 1), never = std::ranges::count(counts, 0);
    ASSERT_EQ(never, plan.to[to].padding) << plan.to[to].name;
    ASSERT_EQ(once + never, static_cast<std::ptrdiff_t>(counts.size())) << plan.to[to].name;
  }
}

/// Between a Hugging Face directory, a checkpoint, and the ranks of `least` meshes or more.
void expect_once_everywhere(const Arch& arch, const Family& family, int least) {
  const Slots all = slots(arch);
  const Dialect hf = hf_dialect(family, arch, all);
  const MegatronForm form = usual_form(arch);
  const Dialect file = megatron(arch, all, form);
  expect_once(plan(all, hf, file));
  expect_once(plan(all, file, hf));

  const Place hf_place{0, &hf, {}}, file_place{0, &file, {}};
  int meshes = 0;
  for (const int64_t tp : {1, 2, 4})
    for (const int64_t pp : {1, 2, 4})
      for (const int64_t vpp : {1, 2})
        for (const int64_t ep : {1, 2})
          for (const int64_t etp : {1, 2}) {
            const Mesh mesh{.tp = tp, .pp = pp, .vpp = vpp, .ep = ep, .etp = etp};
            try {
              check(mesh, arch);
            } catch (const Error&) {
              continue;  // not a mesh for this model
            }
            SCOPED_TRACE(testing::Message() << "tp " << tp << " pp " << pp << " vpp " << vpp
                                            << " ep " << ep << " etp " << etp);
            std::vector<Dialect> dialects;
            std::vector<Place> places;
            const MegatronForm padded{.vocab_multiple = 8 * tp};
            for (int64_t rank = 0; rank < mesh.world(); ++rank)
              dialects.push_back(megatron_local(arch, all, mesh, rank, padded));
            for (int64_t rank = 0; rank < mesh.world(); ++rank)
              places.push_back(
                  {rank, &dialects[static_cast<size_t>(rank)], place(mesh, rank).shards});
            expect_once(plan(all, std::span(&hf_place, 1), places));
            expect_once(plan(all, places, std::span(&file_place, 1)));
            ++meshes;
          }
  EXPECT_GE(meshes, least);
}

HfConfig parsed(const std::string& text) { return read_hf_config(text, "config.json", {}, true); }

class MeshSpec : public testing::TestWithParam<std::string> {};

TEST_P(MeshSpec, EveryElementIsWrittenExactlyOnce) {
  const HfConfig config = parsed(text_of("tests/golden/" + GetParam() + "/hf/config.json"));
  expect_once_everywhere(small(config.arch), *config.family, 20);
}

INSTANTIATE_TEST_SUITE_P(All, MeshSpec, testing::ValuesIn(kGoldens),
                         [](const auto& info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(Planned, MeshSpec, testing::ValuesIn(kPlannedGoldens),
                         [](const auto& info) { return info.param; });

std::vector<std::string> names(const Dialect& dialect) {
  std::vector<std::string> all;
  for (const Binding& row : dialect.bindings) all.push_back(row.name);
  return all;
}

bool any_starts(const Dialect& dialect, std::string_view prefix) {
  return std::ranges::any_of(dialect.bindings,
                             [&](const Binding& row) { return row.name.starts_with(prefix); });
}

constexpr const char* kVisionLanguage = R"({
    "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl",
    "vocab_size": 26, "hidden_size": 16, "num_hidden_layers": 4, "intermediate_size": 8,
    "num_attention_heads": 8, "num_key_value_heads": 2,
    "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 1]},
    "vision_config": {"depth": 5, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2,
                      "in_chans": 3, "patch_size": 2, "out_hidden_size": 16}})";

TEST(MeshOfTowers, EveryElementIsWrittenExactlyOnce) {
  const HfConfig config = parsed(kVisionLanguage);
  expect_once_everywhere(config.arch, *config.family, 20);
}

TEST(MeshOfTowers, NamesAreThoseOfMegatronBridge) {
  // megatron/bridge/models/qwen_vl/qwen25_vl_bridge.py of 0.3.1, its mapping_registry().
  const HfConfig config = parsed(kVisionLanguage);
  const Slots all = slots(config.arch);
  const Dialect file = megatron(config.arch, all, usual_form(config.arch));
  for (const char* name :
       {"language_model.embedding.word_embeddings.weight", "language_model.output_layer.weight",
        "language_model.decoder.final_layernorm.weight",
        "language_model.decoder.layers.self_attention.linear_qkv.layer_norm_weight",
        "language_model.decoder.layers.mlp.linear_fc1.layer_norm_weight",
        "language_model.decoder.layers.self_attention.linear_proj.weight",
        "language_model.decoder.layers.mlp.linear_fc2.weight",
        "language_model.decoder.layers.self_attention.linear_qkv.weight",
        "language_model.decoder.layers.self_attention.linear_qkv.bias",
        "language_model.decoder.layers.mlp.linear_fc1.weight"})
    EXPECT_NE(file.find(name), nullptr) << name;
  size_t tower = 0;  // "visual.**" on both sides
  const Dialect hf = hf_dialect(*config.family, config.arch, all);
  for (const Binding& row : file.bindings)
    if (row.name.starts_with("visual.")) {
      EXPECT_NE(hf.find(row.name), nullptr) << row.name;
      ++tower;
    }
  EXPECT_EQ(tower, 1u + 5 * 12 + 5);
  EXPECT_EQ(file.bindings.size(), tower + 10);
}

TEST(MeshOfTowers, TheFirstStageHoldsThemWhole) {
  const HfConfig config = parsed(kVisionLanguage);
  const Slots all = slots(config.arch);
  const Mesh mesh{.tp = 2, .pp = 2, .vpp = 2};
  for (int64_t rank = 0; rank < mesh.world(); ++rank) {
    const Dialect local = megatron_local(config.arch, all, mesh, rank, {});
    const bool first = place(mesh, rank).pp_rank == 0;
    EXPECT_EQ(any_starts(local, "model0.visual."), first) << rank;
    EXPECT_FALSE(any_starts(local, "model1.visual.")) << rank;
    EXPECT_TRUE(any_starts(local, "model1.language_model.decoder.layers.0.")) << rank;
    EXPECT_EQ(any_starts(local, "model0.language_model.embedding."), first) << rank;
  }
  const Dialect local = megatron_local(config.arch, all, mesh, 1, {});
  const Packed packed = local.find("model0.visual.blocks.4.mlp.up_proj.weight")
                            ->layout.pack(all, place(mesh, 1).shards);
  EXPECT_EQ(packed.shape, (Shape{12, 8}));  // not cut
}

HfConfig extra_prediction() {
  Tree tree = parse_json(text_of("tests/golden/deepseek_v3/hf/config.json"), "config.json");
  tree.set("num_nextn_predict_layers", 2);
  return parsed(to_json(tree));
}

TEST(MeshOfExtraPrediction, EveryElementIsWrittenExactlyOnce) {
  const HfConfig config = extra_prediction();
  ASSERT_EQ(config.arch.mtp->layers.size(), 2u);
  expect_once_everywhere(small(config.arch), *config.family, 20);
}

TEST(MeshOfExtraPrediction, TheLastStageHoldsItWithAnEmbeddingOfItsOwn) {
  const Arch arch = small(extra_prediction().arch);
  const Slots all = slots(arch);
  const Mesh mesh{.tp = 1, .pp = 2, .ep = 2};
  for (int64_t rank = 0; rank < mesh.world(); ++rank) {
    const MeshPlace at = place(mesh, rank);
    const Dialect local = megatron_local(arch, all, mesh, rank, {});
    EXPECT_NE(local.find("embedding.word_embeddings.weight"), nullptr);
    EXPECT_EQ(any_starts(local, "mtp.layers.1."), at.pp_rank == 1);
    if (at.pp_rank == 0) continue;
    EXPECT_NE(local.find("mtp.layers.0.eh_proj.weight"), nullptr);
    const std::string experts = "mtp.layers.1.transformer_layer.mlp.experts.linear_fc2.weight";
    ASSERT_NE(local.find(experts + "1"), nullptr);
    EXPECT_EQ(local.find(experts + "2"), nullptr);
    const std::string global = std::to_string(at.ep_rank * 2 + 1);
    EXPECT_EQ(local.find(experts + "1")->layout.leaves(),
              std::vector{"mtp.1.moe.experts." + global + ".down"});
  }
  const Dialect alone = megatron_local(arch, all, Mesh{}, 0, {});
  EXPECT_EQ(std::ranges::count(names(alone), "embedding.word_embeddings.weight"), 1);
}

/// Pruned as DeciLM's (Llama-Nemotron) models are: layers of other widths and other numbers of
/// heads, and layers without attention, without an MLP, or without both.
Arch pruned() {
  const auto attention = [](int64_t heads, int64_t kv_heads) {
    return Gqa{.heads = heads, .kv_heads = kv_heads, .head_dim = 4};
  };
  Arch arch;
  arch.vocab = 26;
  arch.hidden = 16;
  arch.layers = {{attention(8, 4), Mlp{.width = 24}},
                 {{}, Mlp{.width = 8}},
                 {attention(8, 2), {}},
                 {attention(4, 1), Mlp{.width = 40}},
                 {{}, {}},
                 {attention(8, 8), Mlp{.width = 16}},
                 {{}, Mlp{.width = 12}},
                 {attention(8, 4), Mlp{.width = 24}}};
  return arch;
}

TEST(MeshOfPrunedLayers, EveryElementIsWrittenExactlyOnce) {
  expect_once_everywhere(pruned(), family_named("llama"), 20);
}

TEST(MeshOfPrunedLayers, EveryLayerHasTensorsOfItsOwn) {
  const Arch arch = pruned();
  const Slots all = slots(arch);
  EXPECT_FALSE(arch.homogeneous());
  const Dialect file = megatron(arch, all, usual_form(arch));
  const auto shape = [&](const std::string& name) -> Shape {
    const Binding* row = file.find("decoder.layers." + name);
    return row ? row->layout.pack(all).shape : Shape{};
  };
  EXPECT_EQ(shape("0.self_attention.linear_qkv.weight"), (Shape{64, 16}));
  EXPECT_EQ(shape("3.self_attention.linear_qkv.weight"), (Shape{24, 16}));
  EXPECT_EQ(shape("3.mlp.linear_fc1.weight"), (Shape{80, 16}));
  EXPECT_EQ(shape("1.mlp.linear_fc1.weight"), (Shape{16, 16}));
  for (const char* absent :
       {"1.self_attention.linear_qkv.weight", "2.mlp.linear_fc1.weight",
        "2.mlp.linear_fc1.layer_norm_weight", "self_attention.linear_qkv.weight"})
    EXPECT_EQ(shape(absent), Shape{}) << absent;
  EXPECT_FALSE(any_starts(file, "decoder.layers.4."));
}

}  // namespace
}  // namespace bascule
