// Rotary frequencies in config.json. transformers 4 has rope_theta and rope_scaling, transformers 5
// has rope_parameters; both read what the other wrote, so a file may have all three.
#include <fmt/format.h>

#include "families/text_config.h"

namespace bascule {
namespace {

using ScalingKind = RopeScaling::Kind;

constexpr Spelling<std::optional<ScalingKind>> kRopeTypes[] = {
    {"default",  std::nullopt         },
    {"linear",   ScalingKind::linear  },
    {"dynamic",  ScalingKind::dynamic },
    {"llama3",   ScalingKind::llama3  },
    {"yarn",     ScalingKind::yarn    },
    {"longrope", ScalingKind::longrope},
};

void optional_key(ConfigIo& io, std::string_view key, std::optional<double>& field) {
  if (io.reading() || field) io(key, field);
}

/// `factor`, which may be left out where the two lengths give it.
void factor_or_ratio(ConfigIo& io, RopeScaling& scaling, int64_t positions) {
  const double ratio = static_cast<double>(positions) /
                       static_cast<double>(scaling.original_length ? scaling.original_length : 1);
  positive(io, "factor", scaling.factor, ratio);
}

void yarn(ConfigIo& io, RopeScaling& scaling, int64_t positions) {
  size(io, "original_max_position_embeddings", scaling.original_length, positions);
  factor_or_ratio(io, scaling, positions);
  io("beta_fast", scaling.beta_fast, 32);
  io("beta_slow", scaling.beta_slow, 1);
  // transformers writes `get("beta_fast") or 32`.
  if (scaling.beta_fast == 0) scaling.beta_fast = 32;
  if (scaling.beta_slow == 0) scaling.beta_slow = 1;
  optional_key(io, "mscale", scaling.mscale);
  optional_key(io, "mscale_all_dim", scaling.mscale_all_dim);
  optional_key(io, "attention_factor", scaling.attention_factor);
  if (io.reading() || !scaling.truncate) io("truncate", scaling.truncate, true);
}

/// All of rope_scaling, and of rope_parameters but rope_theta.
void scaling_keys(ConfigIo& io, std::optional<RopeScaling>& scaling, int64_t positions) {
  std::optional<ScalingKind> kind;
  if (scaling) kind = scaling->kind;
  const bool old_spelling = io.reading() && io.has("type");
  io.choice(old_spelling ? "type" : "rope_type", kind, kRopeTypes, std::optional<ScalingKind>());
  if (old_spelling) io.neutral("rope_type", {*io.asked("type")});
  io.neutral("partial_rotary_factor", {1.0});
  if (io.reading()) scaling.reset();
  if (!kind) return;
  if (io.reading()) scaling.emplace().kind = *kind;
  RopeScaling& s = *scaling;
  switch (s.kind) {
    case ScalingKind::linear:
    case ScalingKind::dynamic:
      positive(io, "factor", s.factor);
      io.known({"original_max_position_embeddings"});  // transformers does not read it here
      break;
    case ScalingKind::llama3:
      positive(io, "factor", s.factor);
      positive(io, "low_freq_factor", s.low_freq_factor);
      positive(io, "high_freq_factor", s.high_freq_factor);
      size(io, "original_max_position_embeddings", s.original_length, positions);
      break;
    case ScalingKind::yarn:
      yarn(io, s, positions);
      break;
    case ScalingKind::longrope:
      size(io, "original_max_position_embeddings", s.original_length, positions);
      factor_or_ratio(io, s, positions);
      io("short_factor", s.short_factors);
      io("long_factor", s.long_factors);
      optional_key(io, "attention_factor", s.attention_factor);
  }
}

/// What one key says.
struct Said {
  double theta = 0;
  std::optional<RopeScaling> scaling;
  bool operator==(const Said&) const = default;
};

/// What the file says in several places, which must agree.
class Agreement {
 public:
  Agreement(ConfigIo& io, std::string_view theta_key, double usual_theta)
      : theta_key_(theta_key), usual_(usual_theta) {
    io(theta_key, theta_);
    if (theta_ && !(*theta_ > 0)) io.malformed(theta_key, "must be above 0");
  }

  /// Reads a map that stands in `outer` under `key`, if it is there and not empty.
  void section(ConfigIo& outer, std::string_view key, int64_t positions) {
    const Tree* map = outer.asked(key);
    if (map && map->is_map() && map->entries().empty()) return;
    outer.section(key, [&](ConfigIo& io) {
      Said said{theta_.value_or(usual_), {}};
      positive(io, "rope_theta", said.theta, said.theta);
      scaling_keys(io, said.scaling, positions);
      if (theta_ && said.theta != *theta_)
        outer.unsupported(key, *map,
                          fmt::format("{} is {}, which contradicts it", theta_key_, *theta_));
      if (said_ && said != *said_)
        outer.unsupported(key, *map, fmt::format("it contradicts {}", where_));
      said_ = said;
      where_ = outer.path(key);
    });
  }

  Said result() const { return said_.value_or(Said{theta_.value_or(usual_), {}}); }

 private:
  std::string theta_key_;
  double usual_;
  std::optional<double> theta_;
  std::optional<Said> said_;
  std::string where_;
};

void write_section(ConfigIo& io, std::string_view key, double theta,
                   std::optional<RopeScaling> scaling, int64_t positions) {
  io.section(key, [&](ConfigIo& inner) {
    inner("rope_theta", theta);
    scaling_keys(inner, scaling, positions);
  });
}

void write_old_keys(ConfigIo& io, Rope& rope, int64_t positions) {
  io("rope_theta", rope.theta);
  if (rope.scaling) {
    io.section("rope_scaling",
               [&](ConfigIo& inner) { scaling_keys(inner, rope.scaling, positions); });
  } else {
    io.put("rope_scaling", Tree());
  }
}

}  // namespace

void rope(ConfigIo& io, Arch& arch, double theta) {
  io.neutral("partial_rotary_factor", {1.0});
  if (!io.reading()) {
    write_old_keys(io, arch.rope, arch.max_positions);
    return write_section(io, "rope_parameters", arch.rope.theta, arch.rope.scaling,
                         arch.max_positions);
  }
  Agreement agreement(io, "rope_theta", theta);
  agreement.section(io, "rope_scaling", arch.max_positions);
  agreement.section(io, "rope_parameters", arch.max_positions);
  arch.rope.theta = agreement.result().theta;
  arch.rope.scaling = agreement.result().scaling;
}

void rope_global_and_local(ConfigIo& io, Arch& arch, double theta, double local_theta) {
  constexpr std::string_view full = "full_attention", sliding = "sliding_attention";
  Rope& rope = arch.rope;
  double local = rope.local_theta.value_or(rope.theta);
  if (!io.reading()) {
    write_old_keys(io, rope, arch.max_positions);
    io("rope_local_base_freq", local);
    io.section("rope_parameters", [&](ConfigIo& inner) {
      write_section(inner, full, rope.theta, rope.scaling, arch.max_positions);
      write_section(inner, sliding, local, std::nullopt, arch.max_positions);
    });
    return;
  }
  Agreement global(io, "rope_theta", theta), near(io, "rope_local_base_freq", local_theta);
  global.section(io, "rope_scaling", arch.max_positions);
  io.section("rope_parameters", [&](ConfigIo& inner) {
    global.section(inner, full, arch.max_positions);
    near.section(inner, sliding, arch.max_positions);
    if (near.result().scaling)
      inner.unsupported(sliding, *inner.asked(sliding), "layers with a window are not scaled");
  });
  rope.theta = global.result().theta;
  rope.scaling = global.result().scaling;
  local = near.result().theta;
  rope.local_theta = local == rope.theta ? std::nullopt : std::optional(local);
}

}  // namespace bascule
