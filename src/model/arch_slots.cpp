// The parameters that each block of an Arch owns.
#include <fmt/format.h>

#include "model/slot.h"

namespace bascule {
namespace {

/// Adds slots under a prefix.
struct Scope {
  Slots& all;
  std::string at;
  int64_t hidden;
  const Norm& norm_kind;

  Scope under(const std::string& name) const { return {all, at + name + ".", hidden, norm_kind}; }

  void vector(const std::string& name, int64_t size, Group group = Group::none, bool fp32 = false,
              Slot::Init init = Slot::Init::zero) const {
    all.add({.id = at + name,
             .shape = {size},
             .split = group == Group::none ? -1 : 0,
             .group = group,
             .fp32 = fp32,
             .init = init,
             .decay = false});
  }
  void norm(const std::string& name, int64_t size) const {
    const auto gain = norm_kind.zero_centred ? Slot::Init::zero : Slot::Init::one;
    vector(name, size, Group::none, false, gain);
    if (norm_kind.kind == Norm::Kind::layer) vector(name + ".bias", size);
  }
  void matrix(const std::string& name, int64_t out, int64_t in, int split, Group group, bool bias,
              Slot::Init init = Slot::Init::normal) const {
    all.add({.id = at + name, .shape = {out, in}, .split = split, .group = group, .init = init});
    if (bias) vector(name + ".bias", out, split == 0 ? group : Group::none);
  }
  /// A linear map whose rows (outputs) are divided.
  void column(const std::string& name, int64_t out, int64_t in, bool bias = false,
              Group group = Group::tensor) const {
    matrix(name, out, in, 0, group, bias);
  }
  /// A linear map whose columns (inputs) are divided; its output joins the residual stream.
  void row(const std::string& name, int64_t out, int64_t in, bool bias = false,
           Group group = Group::tensor) const {
    matrix(name, out, in, 1, group, bias, Slot::Init::scaled_normal);
  }
  void replicated(const std::string& name, int64_t out, int64_t in, bool bias = false) const {
    matrix(name, out, in, -1, Group::none, bias);
  }
};

void add(const Scope&, const std::monostate&) {}

void add(const Scope& layer, const Gqa& a) {
  const Scope s = layer.under("attn");
  const int64_t q = a.heads * a.head_dim, kv = a.kv_heads * a.head_dim;
  s.column("q", q, s.hidden, a.qkv_bias);
  if (a.output_gate) s.column("gate", q, s.hidden, a.qkv_bias);
  s.column("k", kv, s.hidden, a.qkv_bias);
  s.column("v", kv, s.hidden, a.qkv_bias);
  s.row("o", s.hidden, q, a.out_bias);
  if (a.sinks) s.vector("sinks", a.heads, Group::tensor);
  if (a.qk_norm == Gqa::QkNorm::none) return;
  const bool full = a.qk_norm == Gqa::QkNorm::full_width;
  s.norm("q_norm", full ? q : a.head_dim);
  s.norm("k_norm", full ? kv : a.head_dim);
}

void add(const Scope& layer, const Mla& a) {
  const Scope s = layer.under("attn");
  const int64_t q = a.heads * (a.nope_dim + a.rope_dim);
  if (a.q_rank) {
    s.replicated("q_down", a.q_rank, s.hidden);
    s.norm("q_latent_norm", a.q_rank);
    s.column("q_up", q, a.q_rank);
  } else {
    s.column("q", q, s.hidden);
  }
  s.replicated("kv_down", a.kv_rank + a.rope_dim, s.hidden);
  s.norm("kv_latent_norm", a.kv_rank);
  s.column("kv_up", a.heads * (a.nope_dim + a.value_dim), a.kv_rank);
  s.row("o", s.hidden, a.heads * a.value_dim);
}

void add(const Scope& layer, const Mamba2& m) {
  const Scope s = layer.under("mamba");
  const int64_t state = m.groups * m.state;
  for (const auto& [part, rows] :
       {std::pair{"z", m.inner()}, {"x", m.inner()}, {"b", state}, {"c", state}, {"dt", m.heads}})
    s.column(fmt::format("in.{}", part), rows, s.hidden);
  for (const auto& [part, rows] : {std::pair{"x", m.inner()}, {"b", state}, {"c", state}}) {
    s.all.add({.id = s.at + "conv." + part,
               .shape = {rows, 1, m.kernel},
               .split = 0,
               .group = Group::tensor});
    if (m.conv_bias) s.vector(fmt::format("conv.{}.bias", part), rows, Group::tensor);
  }
  s.vector("a_log", m.heads, Group::tensor, false, Slot::Init::other);
  s.vector("d", m.heads, Group::tensor, false, Slot::Init::one);
  s.vector("dt_bias", m.heads, Group::tensor, false, Slot::Init::other);
  s.vector("norm", m.inner(), Group::tensor, false, Slot::Init::one);
  s.row("out", s.hidden, m.inner());
}

void add(const Scope& layer, const GatedDeltaNet& g) {
  const Scope s = layer.under("gdn");
  const int64_t keys = g.key_heads * g.key_dim, values = g.value_heads * g.value_dim;
  for (const auto& [part, rows] : {std::pair{"q", keys},
                                   {"k", keys},
                                   {"v", values},
                                   {"z", values},
                                   {"b", g.value_heads},
                                   {"a", g.value_heads}})
    s.column(part, rows, s.hidden);
  for (const auto& [part, rows] : {std::pair{"q", keys}, {"k", keys}, {"v", values}})
    s.all.add({.id = s.at + "conv." + part,
               .shape = {rows, 1, g.kernel},
               .split = 0,
               .group = Group::tensor});
  s.vector("a_log", g.value_heads, Group::tensor, false, Slot::Init::other);
  s.vector("dt_bias", g.value_heads, Group::tensor, false, Slot::Init::other);
  s.vector("norm", g.value_dim, Group::none, false, Slot::Init::one);
  s.row("o", s.hidden, values);
}

void add_mlp(const Scope& s, int64_t width, bool gated, bool bias, Group group) {
  if (gated) s.column("gate", width, s.hidden, bias, group);
  s.column("up", width, s.hidden, bias, group);
  s.row("down", s.hidden, width, bias, group);
}

void add(const Scope& layer, const Mlp& m) {
  add_mlp(layer.under("mlp"), m.width, m.gated, m.bias, Group::tensor);
}

void add(const Scope& layer, const Moe& m) {
  const Scope s = layer.under("moe");
  s.replicated("router", m.experts, s.hidden, m.router_bias);
  if (m.expert_bias) s.vector("expert_bias", m.experts, Group::none, true);
  for (int64_t e = 0; e < m.experts; ++e)
    add_mlp(s.under(fmt::format("experts.{}", e)), m.width, m.gated, m.bias, Group::expert_tensor);
  if (m.shared_width) add_mlp(s.under("shared"), m.shared_width, m.gated, m.bias, Group::tensor);
  if (m.shared_gate) s.replicated("shared_gate", 1, s.hidden);
}

void add(const Scope& s, const Layer& layer, const Arch& arch) {
  const bool mixes = layer.mixer.index() != 0, feeds = layer.feed_forward.index() != 0;
  if (mixes) s.norm("attn_norm", s.hidden);
  std::visit([&](const auto& block) { add(s, block); }, layer.mixer);
  if (mixes && arch.sandwich) s.norm("post_attn_norm", s.hidden);
  // Formats spell the norm before a mixture of experts otherwise than the one before an MLP.
  if (feeds)
    s.norm(std::holds_alternative<Moe>(layer.feed_forward) ? "moe_norm" : "mlp_norm", s.hidden);
  std::visit([&](const auto& block) { add(s, block); }, layer.feed_forward);
  if (feeds && arch.sandwich) s.norm("post_mlp_norm", s.hidden);
}

void add(const Scope& s, const VisionTower& v) {
  const auto linear = [&](const Scope& at, const char* name, int64_t out, int64_t in) {
    at.replicated(name, out, in, true);
  };
  s.all.add(
      {.id = s.at + "patch", .shape = {v.hidden, v.channels, v.temporal_patch, v.patch, v.patch}});
  for (int64_t i = 0; i < v.layers; ++i) {
    const Scope block = s.under(fmt::format("blocks.{}", i));
    block.vector("norm1", v.hidden, Group::none, false, Slot::Init::one);
    block.vector("norm2", v.hidden, Group::none, false, Slot::Init::one);
    linear(block, "qkv", 3 * v.hidden, v.hidden);
    linear(block, "proj", v.hidden, v.hidden);
    linear(block, "gate", v.width, v.hidden);
    linear(block, "up", v.width, v.hidden);
    linear(block, "down", v.hidden, v.width);
  }
  const int64_t merged = v.hidden * v.merge * v.merge;
  s.vector("merger.norm", v.hidden, Group::none, false, Slot::Init::one);
  linear(s, "merger.fc1", merged, merged);
  linear(s, "merger.fc2", v.out, merged);
}

}  // namespace

Slots slots(const Arch& arch) {
  Slots all;
  const Scope model{all, "", arch.hidden, arch.norm};
  model.column("embed", arch.vocab, arch.hidden);
  for (size_t i = 0; i < arch.layers.size(); ++i)
    add(model.under(fmt::format("layers.{}", i)), arch.layers[i], arch);
  model.norm("norm", arch.hidden);
  if (!arch.tied) model.column("head", arch.vocab, arch.hidden);
  if (arch.mtp)
    for (size_t i = 0; i < arch.mtp->layers.size(); ++i) {
      const Scope s = model.under(fmt::format("mtp.{}", i));
      s.norm("embed_norm", arch.hidden);
      s.norm("hidden_norm", arch.hidden);
      s.column("join", arch.hidden, 2 * arch.hidden);
      add(s, arch.mtp->layers[i], arch);
      s.norm("norm", arch.hidden);
    }
  if (arch.vision) add(model.under("vision"), *arch.vision);
  return all;
}

bool Arch::homogeneous() const {
  const auto shapes = [&](const Layer& layer) {
    Slots all;
    add(Scope{all, "", hidden, norm}, layer, *this);
    std::string text;
    for (const Slot& slot : all.all()) text += slot.id + to_string(slot.shape);
    return text;
  };
  std::string first;
  const Layer* previous = nullptr;
  for (const Layer& layer : layers) {
    if (previous && layer == *previous) continue;  // spelling out experts again is slow
    const std::string text = shapes(layer);
    if (previous && text != first) return false;
    first = text;
    previous = &layer;
  }
  return true;
}

}  // namespace bascule
