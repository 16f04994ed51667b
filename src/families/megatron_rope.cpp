// Rotary positions among Megatron's settings.
#include <cmath>

#include "families/megatron_fields.h"

namespace bascule {
namespace {

using ScalingKind = RopeScaling::Kind;

// The first is written.
constexpr Spelling<bool> kPositions[] = {
    {"rope", false},
    {"yarn", true }
};

bool scaled(const Rope& rope, ScalingKind kind) {
  return rope.scaling && rope.scaling->kind == kind;
}

/// Megatron has no attention factor, but two numbers whose logarithmic scales it divides; with the
/// second 0 the first gives any factor. transformers takes a 0 for "not given".
constexpr double kScalePerLog = 0.1;

double mscale_of(double attention_factor, double factor) {
  return (attention_factor - 1) / (kScalePerLog * std::log(factor));
}

void attention_scale(ConfigIo& io, RopeScaling& yarn) {
  std::optional<double> mscale, mscale_all_dim;
  if (yarn.attention_factor && yarn.factor > 1) {
    mscale = mscale_of(*yarn.attention_factor, yarn.factor);
    mscale_all_dim = 0;
  } else if (yarn.mscale.value_or(0) != 0 && yarn.mscale_all_dim.value_or(0) != 0) {
    mscale = yarn.mscale;
    mscale_all_dim = yarn.mscale_all_dim;
  }
  io("yarn_mscale", mscale);
  io("yarn_mscale_all_dim", mscale_all_dim);
  if (!io.reading() || !mscale || !mscale_all_dim) return;
  if (*mscale_all_dim == 0 && yarn.factor > 1) {
    yarn.attention_factor =
        simplest(1 + kScalePerLog * *mscale * std::log(yarn.factor),
                 [&](double nearby) { return mscale_of(nearby, yarn.factor) == *mscale; });
  } else {
    yarn.mscale = mscale;
    yarn.mscale_all_dim = mscale_all_dim;
  }
}

void yarn_fields(ConfigIo& io, std::optional<RopeScaling>& scaling) {
  constexpr std::string_view factor = "yarn_rotary_scaling_factor";
  if (io.reading()) {
    if (!io.has(factor))
      io.unsupported("position_embedding_type", Tree("yarn"),
                     "Megatron Bridge 0.3.1 saves none of YaRN's settings beside it, so that only "
                     "the model's config.json tells them");
    scaling = RopeScaling{.kind = ScalingKind::yarn};
  }
  positive(io, factor, scaling->factor);
  size(io, "yarn_original_max_position_embeddings", scaling->original_length);
  positive(io, "yarn_beta_fast", scaling->beta_fast, 32);
  positive(io, "yarn_beta_slow", scaling->beta_slow, 1);
  io("yarn_correction_range_round_to_int", scaling->truncate, true);
  attention_scale(io, *scaling);
  // Transformer Engine's fused rotation has no attention factor.
  io.put("apply_rope_fusion", false);
}

/// Llama 3's scaling is a switch and a factor, the linear one divides positions.
void scaling_fields(ConfigIo& io, std::optional<RopeScaling>& scaling) {
  bool llama3 = scaling && scaling->kind == ScalingKind::llama3;
  double factor = llama3 ? scaling->factor : 1;
  std::optional<double> divisor;
  if (scaling && scaling->kind == ScalingKind::linear) divisor = scaling->factor;
  io("rope_scaling", llama3, false);
  positive(io, "rope_scaling_factor", factor, 1);
  io("seq_len_interpolation_factor", divisor);
  if (!io.reading()) return;
  if (divisor && (llama3 || !(*divisor > 0)))
    io.unsupported("seq_len_interpolation_factor", Tree(*divisor),
                   "only a number above 0 without rope_scaling is supported");
  if (llama3)  // the other numbers are constants in Megatron-Core
    scaling = RopeScaling{.kind = ScalingKind::llama3, .factor = factor, .original_length = 8192};
  if (divisor && *divisor != 1)
    scaling = RopeScaling{.kind = ScalingKind::linear, .factor = *divisor};
}

/// Gemma 3 has two frequencies, of layers with a window and of the others, which alone are scaled.
void local_and_global(ConfigIo& io, Rope& rope) {
  constexpr std::string_view key = "rotary_base", factor = "rope_scaling_factor";
  std::vector<double> thetas = {rope.local_theta.value_or(rope.theta), rope.theta};
  double divisor = scaled(rope, ScalingKind::linear) ? rope.scaling->factor : 1;
  io(key, thetas);
  positive(io, factor, divisor, 1);
  io.constant("rope_scaling", false);
  io.constant("seq_len_interpolation_factor", Tree());
  if (!io.reading()) return;
  if (thetas.size() != 2 || !(thetas[0] > 0) || !(thetas[1] > 0))
    io.malformed(key, "must be two numbers above 0, for layers with a window and for the others");
  rope.theta = thetas[1];
  if (thetas[0] != thetas[1]) rope.local_theta = thetas[0];
  if (divisor != 1) rope.scaling = RopeScaling{.kind = ScalingKind::linear, .factor = divisor};
}

}  // namespace

void rope_fields(ConfigIo& io, const Provider& provider, Rope& rope, MegatronLayers& layers) {
  const bool general = provider.kind == Provider::Kind::general;
  bool yarn = general && scaled(rope, ScalingKind::yarn);
  io.choice("position_embedding_type", yarn, kPositions);
  positive(io, "rotary_percent", rope.percent, 1);
  if (provider.kind == Provider::Kind::gemma3) {
    local_and_global(io, rope);
  } else {
    positive(io, "rotary_base", rope.theta, 10000);
    if (yarn) {
      if (!general)
        io.unsupported("position_embedding_type", Tree("yarn"), "Gemma's classes lack it");
      yarn_fields(io, rope.scaling);
    } else {
      scaling_fields(io, rope.scaling);
    }
  }
  std::vector<bool> still = layers.rotates;
  still.flip();
  constexpr std::string_view key = "no_rope_freq";
  const Tree* given = io.asked(key);
  if (io.reading()) {
    if (given && !given->is_null()) flags(io, key, still);
  } else if (std::find(still.begin(), still.end(), true) == still.end()) {
    io.put(key, Tree());
  } else {
    flags(io, key, still);
  }
  still.flip();
  layers.rotates = still;
}

}  // namespace bascule
