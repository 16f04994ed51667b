// How a decoder is trained, beside what it is. Values.
#pragma once

#include <cstdint>
#include <optional>

namespace bascule {

/// What is computed again in the backward rather than kept.
struct Recompute {
  /// The insides of the first so many layers: of `together` neighbours, only what enters the first
  /// is kept.
  int64_t layers = 0, together = 1;
  bool mlp = false, moe = false;  // the insides of these blocks, in layers that are kept
};

struct MoeRules {
  double z_coefficient = 0;  // of the z loss (arXiv:2202.08906)
  /// An expert takes ceil(capacity * its even share) tokens; unset: all.
  std::optional<double> capacity = {};
  bool drop_last = false;  // beyond the capacity: the last tokens, not the least probable
  bool in_turn = false;    // experts are chosen in turn, for measurements
  bool grouped = false;    // all experts at once on a CPU too; on a GPU they always are
};

struct DecoderRules {
  Recompute recompute = {};
  MoeRules moe = {};
};

}  // namespace bascule
