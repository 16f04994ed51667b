// Reading a region of a stored chunk into a region of a larger box in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/box.h"
#include "base/file.h"
#include "store/dtype.h"

namespace bascule {

/// Reads `region` of the dense chunk of shape `chunk` that begins at byte `begin` of `file` into
/// `out`, a dense box of shape `room`, at `at`. Directly where the region is one run of `out`, else
/// through a buffer of about 1 MiB. Elements are whole bytes.
void read_region(const File& file, int64_t begin, DType dtype, const Shape& chunk,
                 const Box& region, std::span<std::byte> out, const Shape& room, const Shape& at);

}  // namespace bascule
