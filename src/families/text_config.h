// The parts of config.json that most text models share. Each serves both directions; the defaults
// are those of transformers' configuration classes.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "model/arch.h"
#include "settings/config_io.h"

namespace bascule {

inline constexpr int64_t kSizeLimit = int64_t{1} << 31;  // Megatron counts in 32 bits

/// A size: at least 1 and below 2^31, so that products of two fit.
void size(ConfigIo& io, std::string_view key, int64_t& field,
          std::optional<int64_t> fallback = std::nullopt);

/// A number above 0.
void positive(ConfigIo& io, std::string_view key, double& field,
              std::optional<double> fallback = std::nullopt);

struct TextDefaults {
  int64_t positions = 2048;
  double eps = 1e-6;
  bool tied = false;
};
/// Vocabulary, width, number of layers, norm, initial values, tying. Sizes arch.layers.
void text_model(ConfigIo& io, Arch& arch, const TextDefaults& defaults);

struct AttentionDefaults {
  int64_t kv_heads = 0;  // 0: as many as heads
  int64_t head_dim = 0;  // 0: the width divided among the heads
};
/// Numbers of heads and their size.
void attention(ConfigIo& io, const Arch& arch, Gqa& gqa, const AttentionDefaults& defaults = {});
/// attention_bias, which in transformers adds biases to q, k, v and o.
void attention_bias(ConfigIo& io, Gqa& gqa);

/// intermediate_size and hidden_act.
void feed_forward(ConfigIo& io, Mlp& mlp);
void activation(ConfigIo& io, std::string_view key, Activation& field, Activation fallback);

/// rope_theta, rope_scaling and rope_parameters, of which a file may have any that agree. Both
/// spellings are written: transformers 4 reads the first, transformers 5 either.
void rope(ConfigIo& io, Arch& arch, double theta = 10000);
/// The same where layers with a window turn at a frequency of their own (Gemma 3).
void rope_global_and_local(ConfigIo& io, Arch& arch, double theta, double local_theta);

/// Which layers have a window, and how long it is.
struct Windows {
  std::optional<int64_t> size;
  std::vector<bool> slides;  // one a layer
};
Windows windows_of(const Arch& arch);
/// sliding_window, where null stands for none.
void sliding_window(ConfigIo& io, Windows& windows, std::optional<int64_t> fallback);
/// layer_types; where absent, `usually` says whether a layer slides.
void layer_types(ConfigIo& io, Windows& windows, const std::function<bool(int64_t)>& usually);
/// use_sliding_window and max_window_layers of Qwen2 and Qwen3, with the two above.
void qwen_windows(ConfigIo& io, Windows& windows);

/// Makes all layers this one, each with its window.
void set_layers(Arch& arch, const Layer& layer, const Windows& windows);
void set_layers(Arch& arch, const Layer& layer);

/// Limits that keep the number of parameters' names sane: Error{unsupported} beyond.
void check_experts(ConfigIo& io, const Arch& arch, const Moe& moe);

}  // namespace bascule
