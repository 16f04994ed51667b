// Shapes and boxes of row-major tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bascule {

using Shape = std::vector<int64_t>;

/// An axis-aligned part of a tensor: `extent` elements along each dimension, from `at`.
/// Both have the tensor's rank; a scalar's box is empty vectors.
struct Box {
  Shape at, extent;
  bool operator==(const Box&) const = default;
};

/// Returns the product of `shape` (1 for a scalar). Throws Error{format} on a negative extent or
/// when the product does not fit in int64.
int64_t elements(const Shape& shape);

/// Returns the whole of a tensor of this shape as a box.
Box whole(const Shape& shape);

/// Returns row-major strides, in elements.
Shape strides(const Shape& shape);

/// Returns the box both cover, with extent 0 somewhere if there is none.
Box intersect(const Box& a, const Box& b);

/// An extent or a coordinate as a C++ index.
inline size_t as_index(int64_t value) { return static_cast<size_t>(value); }

/// "[3, 160, 96]"
std::string to_string(const Shape& shape);

}  // namespace bascule
