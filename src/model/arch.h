// What a model is, as a value: the one description that names its parameters and builds its blocks.
//
// Every struct holds its own sizes, so layers may differ in kind and width. A kind that is absent
// has no fields. Values: copy, compare and share freely between threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace bascule {

enum class Activation { silu, gelu, gelu_tanh, quick_gelu, relu, relu2 };

struct Norm {
  enum class Kind { rms, layer };
  Kind kind = Kind::rms;
  double eps = 1e-6;
  bool zero_centred = false;  // the stored gain is w in (1 + w)
  bool operator==(const Norm&) const = default;
};

/// How rotary frequencies are stretched for longer contexts.
struct RopeScaling {
  enum class Kind { linear, dynamic, llama3, yarn, longrope };
  Kind kind = Kind::linear;
  double factor = 1;
  int64_t original_length = 0;                                // llama3, yarn: trained positions
  double low_freq_factor = 1, high_freq_factor = 4;           // llama3
  double beta_fast = 32, beta_slow = 1;                       // yarn
  std::optional<double> mscale = {}, mscale_all_dim = {};     // yarn
  std::optional<double> attention_factor = {};                // yarn, longrope
  bool truncate = true;                                       // yarn: round the correction range
  std::vector<double> short_factors = {}, long_factors = {};  // longrope
  bool operator==(const RopeScaling&) const = default;
};

struct Rope {
  double theta = 10000;
  double percent = 1;  // the part of the head that turns
  std::optional<RopeScaling> scaling = {};
  std::optional<double> local_theta = {};  // of layers with a window, where it is another one
  std::vector<int64_t> sections = {};      // multimodal: how the frequencies divide among t, h, w
  bool sections_interleaved = false;
  bool operator==(const Rope&) const = default;
};

/// Grouped-query attention, multi-head (kv_heads = heads) and multi-query (kv_heads = 1) included.
struct Gqa {
  enum class QkNorm { none, per_head, full_width };
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  bool qkv_bias = false, out_bias = false;
  QkNorm qk_norm = QkNorm::none;
  std::optional<int64_t> window = {};   // keys a query sees, itself included (transformers' count)
  std::optional<double> soft_cap = {};  // of the scores
  std::optional<double> query_scalar = {};  // scores are divided by its square root, not head_dim's
  std::optional<double> clip = {};          // of q, k and v
  bool sinks = false;                       // one learned logit a head joins the softmax
  bool output_gate = false;                 // q_proj also gives a sigmoid gate of the output
  bool rope = true;
  bool operator==(const Gqa&) const = default;
};

/// Multi-head latent attention (DeepSeek). q_rank 0: queries are not compressed.
struct Mla {
  int64_t heads = 0, q_rank = 0, kv_rank = 0, nope_dim = 0, rope_dim = 0, value_dim = 0;
  bool operator==(const Mla&) const = default;
};

struct Mamba2 {
  int64_t heads = 0, head_dim = 0, state = 0, groups = 0, kernel = 4;
  bool conv_bias = true;
  int64_t inner() const { return heads * head_dim; }
  bool operator==(const Mamba2&) const = default;
};

struct GatedDeltaNet {
  int64_t key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0, kernel = 4;
  bool operator==(const GatedDeltaNet&) const = default;
};

struct Mlp {
  int64_t width = 0;
  Activation activation = Activation::silu;
  bool gated = true, bias = false;
  bool operator==(const Mlp&) const = default;
};

struct Moe {
  enum class Score { softmax, sigmoid };
  enum class Balance { none, aux, seq_aux, global_aux };
  int64_t experts = 0, top_k = 0, width = 0;
  int64_t shared_width = 0;  // all shared experts together; 0: none
  bool shared_gate = false;  // a sigmoid gate on the shared expert
  Activation activation = Activation::silu;
  bool gated = true, bias = false;
  Score score = Score::softmax;
  bool norm_top_k = true;  // the chosen weights are made to sum to 1
  double routed_scale = 1;
  bool expert_bias = false;  // a bias that only the choice sees (kept in fp32)
  bool router_bias = false;
  int64_t groups = 1, group_top_k = 1;
  Balance balance = Balance::aux;
  double aux_coefficient = 0;
  bool operator==(const Moe&) const = default;
};

using Mixer = std::variant<std::monostate, Gqa, Mla, Mamba2, GatedDeltaNet>;
using FeedForward = std::variant<std::monostate, Mlp, Moe>;

struct Layer {
  Mixer mixer = {};
  FeedForward feed_forward = {};
  bool operator==(const Layer&) const = default;
};

/// Multi-token prediction: extra layers after the last, each with its own projections.
struct Mtp {
  std::vector<Layer> layers = {};
  bool operator==(const Mtp&) const = default;
};

/// A vision transformer with its merger, whose parameters every rank holds whole.
struct VisionTower {
  int64_t layers = 0, hidden = 0, width = 0, heads = 0, channels = 3, patch = 0, temporal_patch = 1;
  int64_t merge = 1, out = 0;
  bool operator==(const VisionTower&) const = default;
};

struct Arch {
  int64_t vocab = 0, hidden = 0, max_positions = 0;
  bool tied = false;  // the head is the embedding
  Norm norm = {};
  bool sandwich = false;          // a norm after attention and after the feed-forward, too
  bool hybrid = false;            // one norm a layer, each layer either mixes or feeds forward
  bool scaled_embedding = false;  // embeddings are multiplied by the square root of hidden
  std::optional<double> final_soft_cap = {};
  Rope rope = {};
  std::vector<Layer> layers = {};
  std::optional<Mtp> mtp = {};
  std::optional<VisionTower> vision = {};
  double init_std = 0.02;
  bool operator==(const Arch&) const = default;

  /// True when all layers hold the same kinds of parameters in the same shapes.
  bool homogeneous() const;
  /// The first mixer (feed-forward) of this kind, or a default one if there is none.
  template <class Kind>
  Kind first() const {
    for (const Layer& layer : layers) {
      if constexpr (std::is_constructible_v<Mixer, Kind>) {
        if (const Kind* found = std::get_if<Kind>(&layer.mixer)) return *found;
      } else {
        if (const Kind* found = std::get_if<Kind>(&layer.feed_forward)) return *found;
      }
    }
    return {};
  }
};

}  // namespace bascule
