// The group `model`: the architecture in Megatron's names, and how it is trained. A value.
//
// The architecture's meaning is not here: `architecture(settings)` gives what is set as the map
// that Megatron's run_config.yaml would have, and the one table that reads that file turns it into
// an Arch. So every key is optional: what is not set has Megatron's default.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recipe/choices.h"
#include "recipe/field.h"

namespace bascule {

struct Architecture {
  std::optional<int64_t> num_layers, hidden_size, ffn_hidden_size, num_attention_heads,
      num_query_groups, kv_channels, vocab_size, make_vocab_size_divisible_by,
      max_position_embeddings;
  std::optional<bool> should_pad_vocab, share_embeddings_and_output_weights, gated_linear_unit,
      add_bias_linear, add_qkv_bias, qk_layernorm, layernorm_zero_centered_gamma,
      attention_output_gate, rope_scaling;
  std::optional<std::string> normalization, activation_func, transformer_layer_spec, softmax_type,
      position_embedding_type;
  std::optional<double> layernorm_epsilon, init_method_std, softmax_scale, attn_logit_softcapping,
      final_logit_softcapping, query_pre_attn_scalar, rotary_percent, rope_scaling_factor,
      seq_len_interpolation_factor;
  std::optional<OneOrMany<double>> rotary_base;
  std::optional<OneOrMany<int64_t>> window_size, window_attn_skip_freq;
  std::optional<std::vector<int64_t>> interleaved_attn_pattern, no_rope_freq;
  std::optional<double> yarn_rotary_scaling_factor, yarn_beta_fast, yarn_beta_slow, yarn_mscale,
      yarn_mscale_all_dim;
  std::optional<int64_t> yarn_original_max_position_embeddings;
  std::optional<bool> yarn_correction_range_round_to_int;

  std::optional<int64_t> num_moe_experts, moe_ffn_hidden_size, moe_router_topk,
      moe_shared_expert_intermediate_size, moe_router_num_groups, moe_router_group_topk;
  std::optional<OneOrMany<int64_t>> moe_layer_freq;
  std::optional<bool> moe_shared_expert_gate, moe_router_pre_softmax, moe_router_enable_expert_bias;
  std::optional<std::string> moe_router_score_function, moe_router_load_balancing_type;
  std::optional<double> moe_router_topk_scaling_factor, moe_aux_loss_coeff;

  bool operator==(const Architecture&) const = default;

  void fields(auto& field) {
    const Range size = between(1, 2147483647), number = above(0), any = {};
    field("num_layers", num_layers, "layers of the decoder", between(1, 1024));
    field("hidden_size", hidden_size, "width of the residual stream", size);
    field("ffn_hidden_size", ffn_hidden_size, "width of the MLP; unset: 4 x hidden_size", size);
    field("num_attention_heads", num_attention_heads, "query heads", size);
    field("num_query_groups", num_query_groups, "key and value heads; unset: as query heads", size);
    field("kv_channels", kv_channels, "size of a head; unset: hidden_size / heads", size);
    field("vocab_size", vocab_size, "tokens of the vocabulary", size);
    field("make_vocab_size_divisible_by", make_vocab_size_divisible_by,
          "rows of the embedding are padded to a multiple, with should_pad_vocab", size);
    field("should_pad_vocab", should_pad_vocab, "pad the vocabulary");
    field("max_position_embeddings", max_position_embeddings,
          "positions that the model is made for (Megatron-LM's argument); unset: seq_length", size);
    field("share_embeddings_and_output_weights", share_embeddings_and_output_weights,
          "the head is the embedding; unset: true");
    field("normalization", normalization, "RMSNorm or LayerNorm; unset: LayerNorm");
    field("layernorm_epsilon", layernorm_epsilon, "added to the variance; unset: 1e-5", number);
    field("layernorm_zero_centered_gamma", layernorm_zero_centered_gamma,
          "gains are stored less one");
    field("activation_func", activation_func,
          "the function's name in Python; unset: torch.nn.functional.gelu");
    field("gated_linear_unit", gated_linear_unit, "MLPs are gated; unset: false");
    field("add_bias_linear", add_bias_linear, "all linear maps have biases; unset: true");
    field("add_qkv_bias", add_qkv_bias, "queries, keys and values have biases");
    field("init_method_std", init_method_std, "standard deviation of initial weights; unset: 0.02",
          number);
    field("qk_layernorm", qk_layernorm, "queries and keys are normalised");
    field("softmax_scale", softmax_scale, "of scores; unset: 1 / sqrt(kv_channels)", number);
    field("softmax_type", softmax_type, "vanilla, or learnable: a sink a head");
    field("attention_output_gate", attention_output_gate, "a sigmoid gate on attention's output");
    field("attn_logit_softcapping", attn_logit_softcapping, "soft cap of scores (Gemma 2)", number);
    field("final_logit_softcapping", final_logit_softcapping, "soft cap of logits (Gemma 2)",
          number);
    field("query_pre_attn_scalar", query_pre_attn_scalar,
          "scores are divided by its square root (Gemma 2)", number);
    field("transformer_layer_spec", transformer_layer_spec,
          "the function that describes a layer, where a model needs another than its class's");
    field("position_embedding_type", position_embedding_type, "rope or yarn");
    field("rotary_base", rotary_base,
          "base of the rotary frequencies; Gemma 3: [of windowed layers, of others]", number);
    field("rotary_percent", rotary_percent, "the part of a head that turns", between(0, 1));
    field("rope_scaling", rope_scaling, "Llama 3.1's scaling of frequencies");
    field("rope_scaling_factor", rope_scaling_factor, "its factor; Gemma 3: divides positions",
          number);
    field("seq_len_interpolation_factor", seq_len_interpolation_factor, "divides positions",
          number);
    field("yarn_rotary_scaling_factor", yarn_rotary_scaling_factor, "YaRN: the factor", number);
    field("yarn_original_max_position_embeddings", yarn_original_max_position_embeddings,
          "YaRN: positions before stretching", size);
    field("yarn_beta_fast", yarn_beta_fast, "YaRN: unset: 32", number);
    field("yarn_beta_slow", yarn_beta_slow, "YaRN: unset: 1", number);
    field("yarn_mscale", yarn_mscale, "YaRN: scale of attention", any);
    field("yarn_mscale_all_dim", yarn_mscale_all_dim, "YaRN: divides it", any);
    field("yarn_correction_range_round_to_int", yarn_correction_range_round_to_int,
          "YaRN: round the correction range; unset: true");
    field("no_rope_freq", no_rope_freq, "a number for each layer, 1: it has no positions");
    field("window_size", window_size,
          "[keys before a query's own, 0]; Gemma 3: the number alone; null: all keys");
    field("window_attn_skip_freq", window_attn_skip_freq,
          "one layer in so many has no window, or a list with 1 for those that have");
    field("interleaved_attn_pattern", interleaved_attn_pattern,
          "Gemma 3: layers with a window, then without", at_least(0));
    field("num_moe_experts", num_moe_experts, "experts of a layer; null: none", size);
    field("moe_ffn_hidden_size", moe_ffn_hidden_size, "width of an expert", size);
    field("moe_router_topk", moe_router_topk, "experts a token; unset: 2", size);
    field("moe_layer_freq", moe_layer_freq,
          "one layer in so many has experts, or a list with a number for each; unset: 1");
    field("moe_shared_expert_intermediate_size", moe_shared_expert_intermediate_size,
          "width of all shared experts together", size);
    field("moe_shared_expert_gate", moe_shared_expert_gate, "a sigmoid gate on shared experts");
    field("moe_router_score_function", moe_router_score_function, "softmax or sigmoid");
    field("moe_router_pre_softmax", moe_router_pre_softmax,
          "softmax before the choice of experts, so that their weights do not sum to 1");
    field("moe_router_topk_scaling_factor", moe_router_topk_scaling_factor,
          "multiplies the chosen weights", number);
    field("moe_router_num_groups", moe_router_num_groups, "groups of experts", size);
    field("moe_router_group_topk", moe_router_group_topk, "groups a token", size);
    field("moe_router_enable_expert_bias", moe_router_enable_expert_bias,
          "a bias that only the choice of experts sees");
    field("moe_router_load_balancing_type", moe_router_load_balancing_type,
          "aux_loss, seq_aux_loss, global_aux_loss or none; unset: aux_loss");
    field("moe_aux_loss_coeff", moe_aux_loss_coeff, "of the balancing loss; unset: 0", at_least(0));
  }
};

/// How the model is trained: nothing here changes what it is.
struct ModelSettings : Architecture {
  std::optional<std::string> family;
  int64_t seq_length = 1024;
  int64_t tensor_model_parallel_size = 1, pipeline_model_parallel_size = 1,
          context_parallel_size = 1, expert_model_parallel_size = 1;
  std::optional<int64_t> virtual_pipeline_model_parallel_size, expert_tensor_parallel_size;
  bool sequence_parallel = false;
  std::optional<RecomputeGranularity> recompute_granularity;
  std::optional<RecomputeMethod> recompute_method;
  std::optional<int64_t> recompute_num_layers;
  std::optional<std::vector<std::string>> recompute_modules;
  bool deterministic_mode = false;
  std::optional<double> moe_z_loss_coeff, moe_expert_capacity_factor;
  TokenDropPolicy moe_token_drop_policy = TokenDropPolicy::probs;
  bool moe_pad_expert_input_to_capacity = false;
  double moe_router_bias_update_rate = 1e-3;
  bool moe_router_force_load_balancing = false;

  bool operator==(const ModelSettings&) const = default;

  void fields(auto& field) {
    const Range size = at_least(1);
    field("family", family, "bascule's own: one of `bascule models`");
    field("seq_length", seq_length, "tokens of a training sequence", between(1, 2147483647));
    field("tensor_model_parallel_size", tensor_model_parallel_size,
          "ranks that share each layer; so far only 1", size);
    field("pipeline_model_parallel_size", pipeline_model_parallel_size,
          "ranks that share the layers; so far only 1", size);
    field("virtual_pipeline_model_parallel_size", virtual_pipeline_model_parallel_size,
          "pieces of layers a pipeline rank; so far only null", size);
    field("context_parallel_size", context_parallel_size,
          "ranks that share each sequence; so far only 1", size);
    field("expert_model_parallel_size", expert_model_parallel_size,
          "ranks that share the experts; so far only 1", size);
    field("expert_tensor_parallel_size", expert_tensor_parallel_size,
          "ranks that share each expert; so far only null or 1", size);
    field("sequence_parallel", sequence_parallel,
          "activations are shared by tensor ranks; so far only false");
    field("recompute_granularity", recompute_granularity,
          "what is computed again in the backward pass to save memory; null: nothing");
    field("recompute_method", recompute_method,
          "full: keep only what enters every so many layers (uniform), or the first so many "
          "layers are recomputed (block)");
    field("recompute_num_layers", recompute_num_layers, "full: how many layers that is", size);
    field("recompute_modules", recompute_modules,
          "selective: core_attn (scores of attention are never kept anyway), mlp, moe; null: "
          "core_attn");
    field("deterministic_mode", deterministic_mode,
          "the same bits in every run, refusing what cannot give them");
    field("moe_z_loss_coeff", moe_z_loss_coeff, "of the router's z loss", at_least(0));
    field("moe_expert_capacity_factor", moe_expert_capacity_factor,
          "times its even share of tokens, beyond which an expert drops; null: none is dropped",
          above(0));
    field("moe_token_drop_policy", moe_token_drop_policy,
          "with a capacity: drop the least probable, or the last");
    field("moe_pad_expert_input_to_capacity", moe_pad_expert_input_to_capacity,
          "with a capacity: Megatron fills experts up with tokens of weight 0, which changes no "
          "loss and is not done here; expert biases then stay, as Megatron's do");
    field("moe_router_bias_update_rate", moe_router_bias_update_rate,
          "step of the expert bias towards balance, after every step of training", at_least(0));
    field("moe_router_force_load_balancing", moe_router_force_load_balancing,
          "experts are chosen in turn, for measurements only (Megatron: at random)");
    Architecture::fields(field);
  }
};

}  // namespace bascule
