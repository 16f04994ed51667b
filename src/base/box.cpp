#include "base/box.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"

namespace bascule {

int64_t elements(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    require(extent >= 0, Kind::format, "negative extent in shape {}", to_string(shape));
    require(!__builtin_mul_overflow(count, extent, &count), Kind::format,
            "shape {} has more elements than 64 bits count", to_string(shape));
  }
  return count;
}

Box whole(const Shape& shape) { return {Shape(shape.size(), 0), shape}; }

Shape strides(const Shape& shape) {
  Shape steps(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) steps[d - 1] = steps[d] * shape[d];
  return steps;
}

Box intersect(const Box& a, const Box& b) {
  Box both = a;
  for (size_t d = 0; d < a.at.size(); ++d) {
    both.at[d] = std::max(a.at[d], b.at[d]);
    const int64_t end = std::min(a.at[d] + a.extent[d], b.at[d] + b.extent[d]);
    both.extent[d] = std::max<int64_t>(0, end - both.at[d]);
  }
  return both;
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace bascule
