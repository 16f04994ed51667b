// What Megatron calls a dataset: a JSON text, whose MD5 names its index caches. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "data/splits.h"

namespace bascule {

/// A tokenizer's names for itself: {"class", ...}, {"tokenizer_path", ...} and so on, in order.
using TokenizerIdentity = std::vector<std::pair<std::string, std::string>>;

struct GptDescription {
  std::optional<std::string> path;  ///< as it was given; none: mock data
  std::optional<int64_t> samples;
  Split split = Split::train;
  uint32_t seed = 1234;
  int64_t sequence_length = 0;
  std::optional<std::string> splits;  ///< "99,1,0"; none: each split has datasets of its own
  TokenizerIdentity tokenizer;
};

struct BlendDescription {
  std::vector<GptDescription> parts;
  Split split = Split::train;
  std::variant<std::vector<double>, std::vector<int64_t>> weights;
  std::optional<int64_t> samples;
};

std::string description_of(const GptDescription& dataset);
std::string description_of(const BlendDescription& blend);

/// 32 lower-case hexadecimal digits.
std::string md5_hex(std::string_view text);

/// A float64 as Python writes it: the shortest digits that read back the same.
std::string python_float(double value);

}  // namespace bascule
