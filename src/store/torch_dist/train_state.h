// The counters of a training run as Megatron Bridge keeps them in train_state.pt.
// A value; free functions without state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "store/torch_dist/torch_archive.h"

namespace bascule {

struct TrainState {
  int64_t step = 0, consumed_train_samples = 0, skipped_train_samples = 0,
          consumed_valid_samples = 0;
  double floating_point_operations_so_far = 0;
  bool do_train = false, do_valid = false, do_test = false;
  bool operator==(const TrainState&) const = default;
};

/// Reads a train_state.pt. Throws Error{format} naming a key that is missing or no number.
TrainState read_train_state(const std::filesystem::path& file);
/// The same, of what the file holds.
TrainState train_state_of(const TorchArchive& archive);

/// Returns the bytes of a train_state.pt.
std::string train_state_archive(const TrainState& state);

}  // namespace bascule
