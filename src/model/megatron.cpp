#include "model/megatron.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <span>

#include "base/check.h"

namespace bascule {
namespace {

// A row is a Transformer Engine module unless it is marked `exact` or named as a tensor.
Binding te(const char* name, Layout layout) { return module_with_state(name, std::move(layout)); }

template <class Kind>
bool any(const Arch& arch) {
  return std::any_of(arch.layers.begin(), arch.layers.end(),
                     [](const Layer& layer) { return std::holds_alternative<Kind>(layer.mixer); });
}

Dialect model_rows(const Arch& arch, const MegatronForm& form) {
  const bool hybrid = arch.hybrid;
  Dialect rows = {
      {"embedding.word_embeddings", pad_rows(form.vocab_multiple, "embed")},
      te(hybrid ? "decoder.final_norm" : "decoder.final_layernorm", "norm"),
  };
  Binding head{"output_layer", pad_rows(form.vocab_multiple, "head")};
  head.extra_state = hybrid;
  rows.bindings.push_back(std::move(head));
  return rows;
}

Dialect gqa_rows(const Gqa& gqa, const Arch& arch) {
  std::vector<Layout> qkv = {"attn.q", "attn.k", "attn.v"};
  if (gqa.output_gate) qkv.insert(qkv.begin() + 1, "attn.gate");
  // With a norm over the full width of the queries the projection is not fused with the input norm.
  Dialect rows = {
      {"self_attention.linear_qkv.layer_norm_weight", "attn_norm"},
      {"self_attention.linear_qkv.layer_norm_bias", "attn_norm.bias"},
      te("self_attention.linear_qkv", interleave(gqa.kv_heads, std::move(qkv))),
      te("self_attention.q_layernorm", "attn.q_norm"),
      te("self_attention.k_layernorm", "attn.k_norm"),
      te("self_attention.linear_proj", "attn.o"),
      exact("self_attention.core_attention.softmax_offset", "attn.sinks"),
  };
  rows.bindings.back().extra_state = true;
  if (arch.sandwich)
    rows.bindings.push_back(te("self_attention.linear_proj.post_layernorm", "post_attn_norm"));
  return rows;
}

Dialect mla_rows() {
  return {
      te("input_layernorm", "attn_norm"),
      te("self_attention.linear_q_proj", "attn.q"),
      te("self_attention.linear_q_down_proj", "attn.q_down"),
      {"self_attention.linear_q_up_proj.layer_norm_weight", "attn.q_latent_norm"},
      te("self_attention.linear_q_up_proj", "attn.q_up"),
      te("self_attention.linear_kv_down_proj", "attn.kv_down"),
      {"self_attention.linear_kv_up_proj.layer_norm_weight", "attn.kv_latent_norm"},
      te("self_attention.linear_kv_up_proj", "attn.kv_up"),
      te("self_attention.linear_proj", "attn.o"),
  };
}

/// What a module fuses along the rows, as its parameter on a rank: each part's share, one after the
/// other. Checkpoints keep a tensor a part.
template <class Parts>
Layout fused(const std::string& before, const Parts& parts, const std::string& after = "") {
  std::vector<Layout> slots;
  slots.reserve(std::size(parts));
  for (const auto& part : parts) slots.emplace_back(before + part.slot + after);
  return fuse(std::move(slots));
}

struct Part {
  const char *spelled, *slot;
  bool convolved;
};

constexpr Part kMambaParts[] = {
    {"z", "z", false}, {"x", "x", true}, {"B", "b", true}, {"C", "c", true}, {"dt", "dt", false}};
constexpr Part kGdnParts[] = {{"query", "q", true}, {"key", "k", true},   {"value", "v", true},
                              {"z", "z", false},    {"beta", "b", false}, {"alpha", "a", false}};

std::vector<Part> convolved(std::span<const Part> parts) {
  std::vector<Part> kept;
  for (const Part& part : parts)
    if (part.convolved) kept.push_back(part);
  return kept;
}

/// Who spells: a checkpoint, or the modules of one rank.
enum class Spelling { checkpoint, rank };

Dialect mamba_rows(Spelling spelling) {
  Dialect rows = {
      {"mixer.in_proj.layer_norm_weight", "attn_norm"},
      exact("mixer.A_log", "mamba.a_log"),
      exact("mixer.D", "mamba.d"),
      {"mixer.dt_bias", "mamba.dt_bias"},
      {"mixer.norm.weight", "mamba.norm"},
      te("mixer.out_proj", "mamba.out"),
  };
  if (spelling == Spelling::rank) {
    const std::vector<Part> convolution = convolved(kMambaParts);
    rows.bindings.push_back(exact("mixer.in_proj.weight", fused("mamba.in.", kMambaParts)));
    rows.bindings.push_back(exact("mixer.conv1d.weight", fused("mamba.conv.", convolution)));
    rows.bindings.push_back(exact("mixer.conv1d.bias", fused("mamba.conv.", convolution, ".bias")));
    return rows;
  }
  for (const Part& part : kMambaParts) {
    rows.bindings.push_back(exact(fmt::format("mixer.in_proj.weight.{}", part.spelled),
                                  fmt::format("mamba.in.{}", part.slot)));
    if (&part == kMambaParts) rows.bindings.back().extra_state = true;
    if (!part.convolved) continue;
    rows.bindings.push_back(exact(fmt::format("mixer.conv1d.weight.{}", part.spelled),
                                  fmt::format("mamba.conv.{}", part.slot)));
    rows.bindings.push_back(exact(fmt::format("mixer.conv1d.bias.{}", part.spelled),
                                  fmt::format("mamba.conv.{}.bias", part.slot)));
  }
  return rows;
}

Dialect gdn_rows(Spelling spelling) {
  Dialect rows = {
      {"self_attention.in_proj.layer_norm_weight", "attn_norm"},
      exact("self_attention.A_log", "gdn.a_log"),
      {"self_attention.dt_bias", "gdn.dt_bias"},
      te("self_attention.out_norm", "gdn.norm"),
      te("self_attention.out_proj", "gdn.o"),
  };
  if (spelling == Spelling::rank) {
    rows.bindings.push_back(exact("self_attention.in_proj.weight", fused("gdn.", kGdnParts)));
    rows.bindings.push_back(
        exact("self_attention.conv1d.weight", fused("gdn.conv.", convolved(kGdnParts))));
    return rows;
  }
  for (const Part& part : kGdnParts) {
    rows.bindings.push_back(exact(fmt::format("self_attention.in_proj.weight.{}", part.spelled),
                                  fmt::format("gdn.{}", part.slot)));
    if (&part == kGdnParts) rows.bindings.back().extra_state = true;
    if (!part.convolved) continue;
    rows.bindings.push_back(exact(fmt::format("self_attention.conv1d.weight.{}", part.spelled),
                                  fmt::format("gdn.conv.{}", part.slot)));
  }
  return rows;
}

Dialect attention_rows(const Layer& layer, const Arch& arch, Spelling spelling) {
  if (const Gqa* gqa = std::get_if<Gqa>(&layer.mixer)) return gqa_rows(*gqa, arch);
  if (std::holds_alternative<Mla>(layer.mixer)) return mla_rows();
  if (std::holds_alternative<Mamba2>(layer.mixer)) return mamba_rows(spelling);
  if (std::holds_alternative<GatedDeltaNet>(layer.mixer)) return gdn_rows(spelling);
  return {};
}

/// A gated projection holds gate, then up, of the same ranks.
Layout fc1(const std::string& at, bool gated) {
  return gated ? fuse({at + "gate", at + "up"}) : Layout(at + "up");
}

Dialect mlp_rows(const Mlp& mlp, const Arch& arch) {
  Dialect rows = {
      {"mlp.linear_fc1.layer_norm_weight", "mlp_norm"},
      {"mlp.linear_fc1.layer_norm_bias", "mlp_norm.bias"},
      te("mlp.linear_fc1", fc1("mlp.", mlp.gated)),
      te("mlp.linear_fc2", "mlp.down"),
  };
  if (arch.sandwich) rows.bindings.push_back(te("mlp.linear_fc2.post_layernorm", "post_mlp_norm"));
  return rows;
}

/// All but the experts themselves.
Dialect moe_rows(const Moe& moe) {
  return {
      te("pre_mlp_layernorm", "moe_norm"),
      {"mlp.router", "moe.router"},
      {"mlp.router.expert_bias", "moe.expert_bias"},
      te("mlp.shared_experts.linear_fc1", fc1("moe.shared.", moe.gated)),
      te("mlp.shared_experts.linear_fc2", "moe.shared.down"),
      {"mlp.shared_experts.gate_weight", "moe.shared_gate"},
  };
}

Dialect feed_forward_rows(const Layer& layer, const Arch& arch) {
  if (const Mlp* mlp = std::get_if<Mlp>(&layer.feed_forward)) return mlp_rows(*mlp, arch);
  const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
  return moe ? moe_rows(*moe) : Dialect{};
}

/// A checkpoint keeps the experts of a layer in one tensor.
Dialect stacked_experts(const Layer& layer) {
  const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
  if (!moe) return {};
  return {
      te("mlp.experts.experts.linear_fc1",
         stack("E", moe->experts, fc1("moe.experts.{E}.", moe->gated))),
      te("mlp.experts.experts.linear_fc2", stack("E", moe->experts, "moe.experts.{E}.down")),
  };
}

Dialect layer_rows(const Layer& layer, const Arch& arch) {
  return attention_rows(layer, arch, Spelling::checkpoint) + feed_forward_rows(layer, arch) +
         stacked_experts(layer);
}

Dialect at_layer(const Dialect& rows, const std::string& prefix, const std::string& slots,
                 size_t layer) {
  Dialect all = layers(prefix, rows, slots);
  for (Binding& row : all.bindings) {
    row.name = replaced(row.name, "{L}", std::to_string(layer));
    row.layout = row.layout.with("L", static_cast<int64_t>(layer));
  }
  return all;
}

/// Multi-token prediction: each extra layer, and what joins it to the last.
Dialect mtp_rows(const Arch& arch, const std::function<Dialect(const Layer&)>& rows_of) {
  Dialect all;
  for (size_t i = 0; arch.mtp && i < arch.mtp->layers.size(); ++i) {
    const Dialect own = {
        te("enorm", "embed_norm"),
        te("hnorm", "hidden_norm"),
        te("eh_proj", "join"),
        te("final_layernorm", "norm"),
    };
    all =
        all + at_layer(own, "mtp.layers.{L}.", "mtp.{L}.", i) +
        at_layer(rows_of(arch.mtp->layers[i]), "mtp.layers.{L}.transformer_layer.", "mtp.{L}.", i);
  }
  return all;
}

/// The vision tower is Hugging Face's module under its own names, which every rank of the first
/// stage holds whole.
Dialect vision_rows() {
  Dialect rows = {
      {"patch_embed.proj", "vision.patch"},
      {"merger.ln_q", "vision.merger.norm"},
      {"merger.mlp.0", "vision.merger.fc1"},
      {"merger.mlp.2", "vision.merger.fc2"},
  };
  const Dialect block = {
      {"norm1", "norm1"},        {"norm2", "norm2"},        {"attn.qkv", "qkv"},
      {"attn.proj", "proj"},     {"mlp.gate_proj", "gate"}, {"mlp.up_proj", "up"},
      {"mlp.down_proj", "down"},
  };
  return rows + layers("blocks.{L}.", block, "vision.blocks.{L}.");
}

Indices with_vision(const Arch& arch) {
  Indices indices = indices_of(arch);
  if (arch.vision) indices.layers = std::max(indices.layers, arch.vision->layers);
  return indices;
}

/// A layer on one rank, which has a tensor for each expert that it keeps.
Dialect local_rows(const Layer& layer, const Arch& arch, const Mesh& mesh, const MeshPlace& at) {
  Dialect rows = attention_rows(layer, arch, Spelling::rank) + feed_forward_rows(layer, arch);
  const Moe* moe = std::get_if<Moe>(&layer.feed_forward);
  const int64_t share = moe ? moe->experts / mesh.ep : 0;
  for (int64_t e = 0; e < share; ++e) {
    const std::string slot = fmt::format("moe.experts.{}.", at.ep_rank * share + e);
    const auto add = [&](std::string_view name, Layout layout) {
      rows.bindings.push_back(exact(fmt::format("mlp.experts.{}{}", name, e), std::move(layout)));
    };
    add("linear_fc1.weight", fc1(slot, moe->gated));
    add("linear_fc2.weight", slot + "down");
    if (!moe->bias) continue;
    add("linear_fc1.bias", fc1(slot, moe->gated).renamed("", ".bias"));
    add("linear_fc2.bias", slot + "down.bias");
  }
  return rows;
}

}  // namespace

MegatronForm usual_form(const Arch& arch) {
  // HybridModel, and GPTModel with a list for moe_layer_freq or linear_attention_freq, write a
  // tensor a layer (megatron/core/transformer/transformer_block.py, sharded_state_dict).
  return {.vocab_multiple = 1,
          .stacked = !arch.hybrid && arch.homogeneous() && !any<GatedDeltaNet>(arch)};
}

Dialect megatron(const Arch& arch, const Slots& slots, const MegatronForm& form) {
  Dialect text = model_rows(arch, form);
  if (form.stacked && !arch.layers.empty())
    text = text + stacked_layers("decoder.layers.", static_cast<int64_t>(arch.layers.size()),
                                 layer_rows(arch.layers[0], arch));
  else
    for (size_t i = 0; i < arch.layers.size(); ++i)
      text = text +
             at_layer(layer_rows(arch.layers[i], arch), "decoder.layers.{L}.", "layers.{L}.", i);
  text = text + mtp_rows(arch, [&](const Layer& layer) { return layer_rows(layer, arch); });
  if (arch.vision) text = under("language_model.", text) + under("visual.", vision_rows());
  return expanded(text, slots, with_vision(arch));
}

Dialect megatron_local(const Arch& arch, const Slots& slots, const Mesh& mesh, int64_t rank,
                       const MegatronForm& form) {
  const MeshPlace at = place(mesh, rank);
  const bool first = at.pp_rank == 0, last = at.pp_rank == mesh.pp - 1;
  const auto rows_of = [&](const Layer& layer) { return local_rows(layer, arch, mesh, at); };
  std::vector<Dialect> chunks(static_cast<size_t>(mesh.vpp));
  const auto add = [&](Dialect& chunk, const Dialect& rows) { chunk = chunk + rows; };
  for (const Binding& row : model_rows(arch, form).bindings) {
    Dialect one;
    one.bindings = {row};
    const bool is_embedding = row.name.starts_with("embedding");
    if (is_embedding && first) add(chunks.front(), one);
    // Prediction of further tokens embeds them in the last stage.
    if (is_embedding ? last && !first && arch.mtp : last) add(chunks.back(), one);
  }
  if (arch.tied && last && !first)  // the last stage keeps a copy of the tied embedding
    add(chunks.back(), {{"output_layer", pad_rows(form.vocab_multiple, "embed")}});
  for (const KeptLayer& kept :
       kept_layers(static_cast<int64_t>(arch.layers.size()), mesh, at.pp_rank))
    add(chunks[static_cast<size_t>(kept.chunk)],
        layers(fmt::format("decoder.layers.{}.", kept.local),
               rows_of(arch.layers[static_cast<size_t>(kept.global)]),
               fmt::format("layers.{}.", kept.global)));
  if (last) add(chunks.back(), mtp_rows(arch, rows_of));
  Dialect all;
  for (size_t i = 0; i < chunks.size(); ++i) {
    Dialect& chunk = chunks[i];
    if (arch.vision) chunk = under("language_model.", chunk);
    if (arch.vision && first && i == 0) chunk = chunk + under("visual.", vision_rows());
    all = all + (mesh.vpp == 1 ? chunk : under(fmt::format("model{}.", i), chunk));
  }
  return expanded_part(all, slots, with_vision(arch));
}

std::vector<std::string> extra_states(const Dialect& expanded) {
  std::vector<std::string> keys;
  for (const Binding& row : expanded.bindings) {
    if (!row.extra_state) continue;
    // The module is what precedes ".weight", or ".softmax_offset" and the like.
    size_t end = row.name.rfind(".weight");
    if (end == std::string::npos) end = row.name.rfind('.');
    const std::string module = row.name.substr(0, end);
    const Shape counts = row.layout.stacks();
    if (counts.empty()) {
      keys.push_back(module + "._extra_state/shard_0_1");
      continue;
    }
    for (int64_t i = 0; i < elements(counts); ++i) {
      Shape at(counts.size());
      int64_t rest = i;
      for (size_t d = counts.size(); d-- > 0; rest /= counts[d]) at[d] = rest % counts[d];
      keys.push_back(fmt::format("{}._extra_state/shard_{}_{}", module, fmt::join(at, "."),
                                 fmt::join(counts, ".")));
    }
  }
  return keys;
}

}  // namespace bascule
