// What an update of an arena does with a range of it, beside updating it.
#pragma once

#include <cstdint>

namespace bascule::cuda {

inline constexpr uint8_t kDecays = 1;  // weights decay
inline constexpr uint8_t kClears = 2;  // gradients become zero, of which few are anything else

}  // namespace bascule::cuda
