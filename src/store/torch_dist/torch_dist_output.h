// What a Megatron `torch_dist` checkpoint consists of, computed from names, dtypes and shapes
// alone. Free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/output.h"
#include "store/torch_dist/pickle_value.h"
#include "store/torch_dist/train_state.h"

namespace bascule {

/// Which readers the result is for.
enum class TorchDistCompat {
  standard,  ///< what megatron-core 0.16 writes by default: common.pt, no common_state object
  wide,      ///< both, so that newer megatron-core reads it too
};

struct TorchDistTensor {
  TensorInfo info;
  std::vector<Box> chunks;  ///< tile the tensor: one a layer, an expert, gate or up
};

struct TorchDistRequest {
  std::vector<TorchDistTensor> tensors;   ///< in writing order
  std::vector<std::string> extra_states;  ///< keys of the form "..._extra_state/shard_0_3"
  std::vector<std::pair<std::string, std::string>> objects;  ///< other keys, and their archives
  pickle::Value common;                                      ///< a dict; see common_state()
  TrainState train_state;
  int files = 2;  ///< data files: __0_0.distcp, __0_1.distcp, ...
  TorchDistCompat compat = TorchDistCompat::standard;
  int64_t chunk_limit = int64_t{1} << 30;  ///< larger chunks are split, by rows
};

/// Returns the common state that Bridge writes with weights alone.
pickle::Value common_state(int64_t iteration);

/// Lays out the files of one iteration's directory: data files made of units, and the small files
/// `.metadata`, `metadata.json`, `common.pt` and `train_state.pt`. Output::tensors is in the order
/// of the request. Throws Error{internal} when the chunks do not tile a tensor, a name occurs twice
/// or contains what the format cannot spell.
Output torch_dist_output(TorchDistRequest request);

}  // namespace bascule
