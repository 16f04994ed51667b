// GPT-OSS: biases everywhere, sinks, a window in every other layer, experts in packed tensors.
#include "families/registry.h"
#include "families/text_config.h"

namespace bascule {
namespace {

void config(ConfigIo& io, Arch& arch) {
  Gqa attn = arch.first<Gqa>();
  Moe moe = arch.first<Moe>();
  text_model(io, arch, {.positions = 131072, .eps = 1e-5});
  attention(io, arch, attn, {.kv_heads = 8, .head_dim = 64});
  io.constant("attention_bias", true);
  attn.qkv_bias = attn.out_bias = attn.sinks = true;
  rope(io, arch, 150000);
  size(io, "intermediate_size", moe.width);
  size(io, "num_local_experts", moe.experts);
  size(io, "num_experts_per_tok", moe.top_k);
  io.neutral("experts_per_token", {moe.top_k});
  io("router_aux_loss_coef", moe.aux_coefficient, 0.9);
  io.constant("hidden_act", "silu");  // and yet the experts use quick_gelu, clamped
  io.constant("swiglu_limit", 7.0);
  moe.activation = Activation::quick_gelu;
  moe.bias = moe.router_bias = true;
  io.known({"output_router_logits", "initial_context_length"});
  check_experts(io, arch, moe);
  Windows windows = windows_of(arch);
  sliding_window(io, windows, 128);
  layer_types(io, windows, [](int64_t i) { return i % 2 == 0; });
  attn.window.reset();
  set_layers(arch, {attn, moe}, windows);
}

/// Experts lie in [expert, in, out]; of fc1's outputs, gate and up alternate.
Dialect expert_rows(const Moe& moe) {
  const auto alternating = [&](const std::string& suffix) {
    return interleave(moe.width, {"moe.experts.{E}.gate" + suffix, "moe.experts.{E}.up" + suffix});
  };
  const auto all = [&](Layout part) { return stack("E", moe.experts, std::move(part)); };
  return {
      exact("mlp.experts.gate_up_proj", all(turned(alternating("")))),
      exact("mlp.experts.gate_up_proj_bias", all(alternating(".bias"))),
      exact("mlp.experts.down_proj", all(turned("moe.experts.{E}.down"))),
      exact("mlp.experts.down_proj_bias", all("moe.experts.{E}.down.bias")),
  };
}

Dialect hf(const Arch& arch) {
  const Dialect layer = {
      exact("self_attn.sinks", "attn.sinks"),
      {"post_attention_layernorm", "moe_norm"  },
      {"mlp.router",               "moe.router"},
  };
  return llama().hf(arch) + layers("model.layers.{L}.", layer + expert_rows(arch.first<Moe>()));
}

}  // namespace

Family gpt_oss() {
  Family family = derived(llama());
  family.name = "gpt_oss";
  family.title = "GPT-OSS";
  family.architectures = {"GptOssForCausalLM"};
  family.model_type = "gpt_oss";
  family.config = config;
  family.hf = hf;
  return family;
}

}  // namespace bascule
