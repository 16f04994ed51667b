// Training, validation and test data from their settings. Pure functions of the settings and the
// files, index caches aside.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace bascule {

struct DatasetBlend {
  std::vector<std::string> prefixes;             ///< PREFIX of PREFIX.bin and PREFIX.idx
  std::optional<std::vector<double>> weights{};  ///< none: every sample once, or as sizes go
};

/// One value a split: training, validation, test.
template <class T>
using PerSplit = std::array<T, kSplits>;

/// With `blend`, `splits` cuts one distribution; with `blend_per_split` each split has its own;
/// with neither, data are made up ("1,1,1").
struct DataSettings {
  std::optional<DatasetBlend> blend;
  std::string splits = "9999,8,2";
  std::optional<PerSplit<std::optional<DatasetBlend>>> blend_per_split;
  /// Samples wanted; none: as many as one epoch gives. There may be more.
  PerSplit<std::optional<int64_t>> samples;

  SampleRules rules;
  uint32_t seed = 1234;
  bool drop_last_partial_validation = true;
  /// Samples built for each dataset of a weighted blend beyond its share.
  double surplus = 0.005;
  TokenizerIdentity tokenizer;  ///< becomes part of the caches' names
  std::optional<std::filesystem::path> cache;
};

/// Builds what the settings name. A split without a share or a blend has no dataset. Throws
/// Error{user} for settings that contradict each other, and what opening and ordering throw.
PerSplit<std::optional<Dataset>> build_datasets(const DataSettings& settings);

}  // namespace bascule
