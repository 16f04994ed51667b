// model.safetensors.index.json: which shard holds which tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/safetensors.h"

namespace bascule {

struct HfIndex {
  std::vector<std::string> files;                       // sorted
  std::vector<std::pair<std::string, size_t>> tensors;  // sorted; the file is an index into files
  std::optional<int64_t> total_size;                    // as metadata says
};

/// Whether a name from a file can be that of a shard in its own folder: no path, not hidden.
bool is_shard_name(std::string_view name);

/// Parses an index. Throws Error{format} naming `where` for a missing or wrong weight_map, a tensor
/// listed twice, and a file name that could leave the directory.
HfIndex parse_hf_index(std::string_view json, std::string_view where);

/// Compares an index with the files it names, opened in its order. Throws Error{format} for a
/// tensor that a file lacks, holds unlisted, or that is in another file; returns warnings.
std::vector<std::string> check_hf_index(const HfIndex& index, const SafetensorsSource& source,
                                        std::string_view where);

}  // namespace bascule
