// Reading a box of a tensor that lies dense and row-major in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/box.h"
#include "base/file.h"
#include "store/dtype.h"

namespace bascule {

/// Reads `box` of the tensor that begins at `offset` of `file` into `out`, dense and row-major.
/// Contiguous runs are read whole; short runs with short gaps between them are read together,
/// through a buffer of at most 1 MiB. Throws Error{internal} when the box or `out` does not fit the
/// tensor, Error{unsupported} when a cut of a sub-byte dtype does not fall on a byte.
void read_box(const File& file, int64_t offset, DType dtype, const Shape& shape, const Box& box,
              std::span<std::byte> out);

}  // namespace bascule
