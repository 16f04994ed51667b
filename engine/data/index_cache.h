// Index caches: .npy files under the names that Megatron gives them, so that either finds what the
// other has made. A cache is used only when it is whole and fits what it is used for.
//
// Several processes may make one cache at once: files appear by rename, the description last.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/blend.h"
#include "data/gpt_indices.h"

namespace bascule {

/// Where the caches of one dataset lie: FOLDER/MD5-CLASS-SPLIT-....
struct CachePlace {
  std::filesystem::path folder;
  std::string description;
  std::string class_name;  ///< "GPTDataset"
  Split split = Split::train;

  std::filesystem::path file(std::string_view what) const;
};

/// Returns the cached arrays, or none when one of the files is absent. Throws Error{format} when
/// they are not what this order gives: the remedy is to remove them.
std::optional<GptIndices> load_indices(const CachePlace& place, const SampleOrder& order,
                                       const EpochPlan& plan, const Length& length);
void store_indices(const CachePlace& place, const GptIndices& indices);

/// `sizes`: how many samples each part of the blend has.
std::optional<BlendIndices> load_indices(const CachePlace& place, int64_t samples,
                                         const std::vector<int64_t>& sizes);
void store_indices(const CachePlace& place, const BlendIndices& indices);

}  // namespace bascule
