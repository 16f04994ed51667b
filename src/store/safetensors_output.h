// What a safetensors checkpoint is to look like, computed from names, dtypes and shapes alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/output.h"

namespace bascule {

/// One file to write: its name, and its tensors in data order.
struct SafetensorsShard {
  std::string name;
  std::vector<std::string> tensors;
  bool operator==(const SafetensorsShard&) const = default;
};

/// transformers' default for the largest shard.
inline constexpr int64_t kShardBytes = 5'000'000'000;

/// Groups tensors, in the order given, into files of at most `limit` bytes as transformers does
/// (a larger tensor gets a file of its own), named model.safetensors or
/// model-00001-of-0000N.safetensors.
std::vector<SafetensorsShard> group_shards(const std::vector<TensorInfo>& tensors,
                                           int64_t limit = kShardBytes);

/// Returns the files of a checkpoint: one unit a tensor, headers in the first unit of each file,
/// and model.safetensors.index.json among the small files when there are several shards. Tensors
/// keep the order of the shard unless that would misalign one; then wider dtypes come first, as in
/// the reference. Every tensor must be in exactly one shard (Error{internal}).
Output safetensors_output(std::vector<TensorInfo> tensors,
                          const std::vector<SafetensorsShard>& shards,
                          const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace bascule
