// What a file of settings may be at most, so that a hostile one costs neither time nor memory.
#pragma once

#include <cstddef>

namespace bascule {

inline constexpr size_t kMaxText = size_t{4} << 20;      // bytes that YAML's aliases expand to
inline constexpr size_t kMaxYaml = size_t{1} << 20;      // bytes of YAML, which is slower to read
inline constexpr size_t kMaxDepth = 64;                  // levels of lists and maps
inline constexpr size_t kMaxExpanded = size_t{1} << 20;  // values; YAML's aliases are copied

}  // namespace bascule
