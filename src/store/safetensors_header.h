// The header of a safetensors file, parsed strictly and as data: JSON in, tensors out, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/tensor_source.h"

namespace bascule {

struct SafetensorsEntry {
  TensorInfo info;
  int64_t begin = 0, end = 0;  // bytes, relative to the end of the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;                      // in data order
  std::vector<std::pair<std::string, std::string>> metadata;  // sorted by key
};

/// The longest header the format allows.
inline constexpr int64_t kMaxSafetensorsHeader = 100'000'000;

/// Limits of this reader, far above any published file: they bound what a hostile one costs.
inline constexpr size_t kMaxSafetensorsTensors = 500'000;         // in all files of a model
inline constexpr size_t kMaxSafetensorsMetadata = 100'000;        // entries of __metadata__
inline constexpr size_t kMaxSafetensorsToken = size_t{16} << 20;  // bytes of one string or number

/// Parses the JSON of a header whose file has `data_bytes` behind it. Throws Error{format} naming
/// `where`, the tensor and both values. Offsets must cover the data exactly: from 0, no holes, no
/// overlaps, up to `data_bytes`.
SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           std::string_view where);

}  // namespace bascule
