#include "families/megatron_gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "families/megatron_fields.h"

namespace bascule {
namespace {

using Class = Provider::Kind;
using Scaling = RopeScaling::Kind;

struct Model {
  const Provider& provider;
  const Arch& arch;
  MegatronLayers layers;

  const RopeScaling* scaling(Scaling kind) const {
    const std::optional<RopeScaling>& scaling = arch.rope.scaling;
    return scaling && scaling->kind == kind ? &*scaling : nullptr;
  }
  std::string_view its_class() const {
    return provider.target.substr(provider.target.rfind('.') + 1);
  }
};

using Sentence = std::optional<std::string>;

// What Megatron-Core's RotaryEmbedding has as constants.
constexpr int64_t kOriginalLength = 8192;
constexpr double kLowFactor = 1, kHighFactor = 4;

Sentence llama3_rope(const Model& model) {
  const RopeScaling* s = model.scaling(Scaling::llama3);
  if (!s || model.provider.kind == Class::gemma3) return {};
  if (s->original_length == kOriginalLength && s->low_freq_factor == kLowFactor &&
      s->high_freq_factor == kHighFactor)
    return {};
  return fmt::format(
      "rope_scaling llama3 has original_max_position_embeddings {}, low_freq_factor {} and "
      "high_freq_factor {}, but Megatron-Core always takes {}, {} and {}: it turns queries and "
      "keys "
      "by other angles",
      s->original_length, s->low_freq_factor, s->high_freq_factor, kOriginalLength, kLowFactor,
      kHighFactor);
}

Sentence dynamic_rope(const Model& model) {
  const RopeScaling* s = model.scaling(Scaling::dynamic);
  if (!s) return {};
  return fmt::format(
      "rope_scaling dynamic with factor {} has no counterpart in Megatron-Core, which does not "
      "scale: texts longer than max_position_embeddings {} get other angles",
      s->factor, model.arch.max_positions);
}

Sentence longrope(const Model& model) {
  if (!model.scaling(Scaling::longrope)) return {};
  return "rope_scaling longrope has no counterpart in Megatron-Core, which does not scale: queries "
         "and keys get other angles";
}

Sentence scaling_of_gemma(const Model& model) {
  const bool gemma3 = model.provider.kind == Class::gemma3;
  const bool lacks_llama3 = gemma3 && model.scaling(Scaling::llama3);
  const bool lacks_yarn = model.provider.kind != Class::general && model.scaling(Scaling::yarn);
  if (!lacks_llama3 && !lacks_yarn) return {};
  return fmt::format(
      "rope_scaling {} cannot be set for Megatron Bridge's {}, which does not scale: queries and "
      "keys get other angles",
      lacks_yarn ? "yarn" : "llama3", model.its_class());
}

Sentence yarn_details(const Model& model) {
  const RopeScaling* s = model.scaling(Scaling::yarn);
  if (!s || model.provider.kind != Class::general) return {};
  if (s->attention_factor && *s->attention_factor != 1 && s->factor <= 1)
    return fmt::format(
        "rope_scaling yarn has attention_factor {} and factor {}, but Megatron-Core takes 1 for "
        "the "
        "first where the second is at most 1: scores are scaled otherwise",
        *s->attention_factor, s->factor);
  if (model.arch.rope.percent < 1)
    return fmt::format(
        "partial_rotary_factor is {}, but Megatron-Core's YaRN takes 1: it turns all of a head",
        model.arch.rope.percent);
  return {};
}

Sentence local_theta(const Model& model) {
  const Rope& rope = model.arch.rope;
  if (!rope.local_theta || model.provider.kind == Class::gemma3) return {};
  return fmt::format(
      "layers with a window have rope_theta {}, but Megatron Bridge's {} takes {} in all layers: "
      "queries and keys get other angles",
      *rope.local_theta, model.its_class(), rope.theta);
}

Sentence gemma2_windows(const Model& model) {
  const Windows& windows = model.layers.windows;
  if (model.provider.kind != Class::gemma2 || !windows.size ||
      *windows.size >= model.arch.max_positions)
    return {};
  return fmt::format(
      "sliding_window is {} in {}, but Megatron Bridge's Gemma 2 lets queries of layers 1, 3, 5, "
      "... "
      "(from 0) see {} keys and does so only when it is given an attention mask: queries beyond "
      "position {} see other keys",
      *windows.size, windows_on_even(windows) ? "layers 0, 2, 4, ..." : "the layers of layer_types",
      *windows.size + 1, *windows.size - 1);
}

Sentence gemma3_windows(const Model& model) {
  const Windows& windows = model.layers.windows;
  if (model.provider.kind != Class::gemma3 || windows_between_full(windows)) return {};
  return "layer_types does not repeat, but Megatron Bridge's Gemma 3 has one layer without a "
         "window "
         "after each 5 with one: some layers see other keys";
}

Sentence several_windows(const Model& model) {
  const std::optional<int64_t>& first = model.layers.windows.size;
  for (const Layer& layer : model.arch.layers) {
    const std::optional<int64_t>& window = std::get<Gqa>(layer.mixer).window;
    if (window && window != first)
      return fmt::format(
          "layers have windows of {} and {} keys, but Megatron-Core has one size, {}: some layers "
          "see other keys",
          *first, *window, *first);
  }
  return {};
}

/// Megatron's biases follow from two switches; the model may have others.
Sentence biases(const Model& model) {
  const Gqa& attention = model.layers.attention;
  const bool dense = model.layers.any_dense();
  const bool mlp = dense ? model.layers.dense.bias : model.layers.sparse.bias;
  const bool same = attention.out_bias == mlp && (!mlp || attention.qkv_bias);
  if (same) return {};
  if (!mlp)
    return "attention_bias is true and the feed-forward has no biases, but Megatron-Core has one "
           "switch for the biases of o_proj and of the feed-forward, which is off: the biases of "
           "o_proj are left out";
  return fmt::format(
      "mlp_bias is true and attention_bias is {}, but Megatron-Core has one switch for all biases, "
      "which is on: it asks for biases of q, k, v and o that the checkpoint lacks, and does not "
      "load",
      attention.qkv_bias);
}

Sentence clipping(const Model& model) {
  const std::optional<double>& clip = model.layers.attention.clip;
  if (!clip) return {};
  return fmt::format(
      "clip_qkv is {}, but Megatron-Core does not clip: larger queries, keys and values stay",
      *clip);
}

Sentence score_cap(const Model& model) {
  const std::optional<double>& cap = model.layers.attention.soft_cap;
  if (!cap || model.provider.soft_caps()) return {};
  return fmt::format(
      "attn_logit_softcapping is {}, but Megatron Bridge's {} has none: scores are not capped",
      *cap, model.its_class());
}

Sentence logit_cap(const Model& model) {
  const std::optional<double>& cap = model.arch.final_soft_cap;
  if (!cap || model.provider.soft_caps()) return {};
  return fmt::format(
      "final_logit_softcapping is {}, but Megatron Bridge's {} has none: logits are not capped",
      *cap, model.its_class());
}

Sentence router_sum(const Model& model) {
  if (!model.layers.any_sparse()) return {};
  const Moe& moe = model.layers.sparse;
  if (moe.score == Moe::Score::softmax && moe.norm_top_k && moe.top_k == 1)
    return "norm_topk_prob is true with 1 expert a token, which always weighs 1, but Megatron-Core "
           "gives it the router's probability: outputs of experts are smaller";
  if (moe.score == Moe::Score::sigmoid && !moe.norm_top_k)
    return "norm_topk_prob is false, but Megatron-Core makes the weights of chosen experts sum to "
           "1 "
           "where scores are sigmoids: outputs of experts are scaled otherwise";
  return {};
}

Sentence mixed_layers(const Model& model) {
  if (!model.layers.any_sparse() || !model.layers.any_dense() ||
      model.layers.attention.qk_norm != Gqa::QkNorm::full_width)
    return {};
  return "some layers have no experts, but Megatron Bridge's layers with norms over all queries "
         "have experts everywhere: it asks for tensors that the checkpoint lacks, and does not "
         "load";
}

constexpr Sentence (*kGaps[])(const Model&) = {
    llama3_rope, dynamic_rope,   longrope,       scaling_of_gemma, yarn_details,
    local_theta, gemma2_windows, gemma3_windows, several_windows,  biases,
    clipping,    score_cap,      logit_cap,      router_sum,       mixed_layers,
};

}  // namespace

std::vector<std::string> megatron_gaps(const Family& family, const Arch& arch) {
  const Provider* provider = find_provider(family.provider);
  require(provider, Kind::unsupported,
          "Megatron Bridge's {}, which builds {}, is not supported yet", family.provider,
          family.title);
  const Model model{*provider, arch, gathered(arch)};
  std::vector<std::string> gaps;
  for (const auto& gap : kGaps)
    if (Sentence sentence = gap(model)) gaps.push_back(std::move(*sentence));
  return gaps;
}

}  // namespace bascule
