// The states of the random generators of a Megatron training run, which a checkpoint keeps as the
// object `rng_state`: Python's, numpy's, torch's, and those that Megatron knows by a name. A value;
// free functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/torch_dist/torch_dist_source.h"

namespace bascule {

/// The object's name in a checkpoint of one tensor- and one pipeline-parallel rank.
inline constexpr const char* kRandomStateObject = "rng_state/shard_0.0_1.1";

struct RandomState {
  /// A Mersenne Twister.
  struct Twister {
    std::vector<uint32_t> words;        // 624
    int64_t position = 0;               // of the next word, up to 624
    std::optional<double> next_normal;  // drawn already
    bool operator==(const Twister&) const = default;
  };
  Twister python, numpy;
  std::string torch, cuda;  // bytes of torch.get_rng_state() and torch.cuda.get_rng_state()
  std::vector<std::pair<std::string, std::string>> named;  // states like `cuda`
  bool operator==(const RandomState&) const = default;
};

/// The generators as Megatron Bridge seeds them on one rank.
RandomState seeded_random_state(uint64_t seed);

/// What a checkpoint holds of them; none where it has none, or one for each of several ranks.
/// Throws Error{format} naming what is no such state.
std::optional<RandomState> read_random_state(const TorchDistSource& source);
/// The same, of the object: the first rank's.
RandomState random_state_of(const TorchArchive& archive);

/// The bytes of the object: a torch.save archive.
std::string random_state_archive(const RandomState& state);

}  // namespace bascule
