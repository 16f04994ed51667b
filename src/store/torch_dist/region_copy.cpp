#include "store/torch_dist/region_copy.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "store/box_read.h"

namespace bascule {
namespace {

constexpr int64_t kBuffer = int64_t{1} << 20;

// Copies a dense box of `extent` into a dense box of shape `room`, at `at`.
void scatter(const std::byte* from, const Shape& extent, std::byte* to, const Shape& room,
             const Shape& at, size_t element) {
  const Shape steps = strides(room);
  const size_t rank = extent.size();
  const size_t run = static_cast<size_t>(extent[rank - 1]) * element;
  Shape row(rank, 0);
  for (;;) {
    int64_t offset = 0;
    for (size_t d = 0; d < rank; ++d) offset += (at[d] + row[d]) * steps[d];
    std::memcpy(to + static_cast<size_t>(offset) * element, from, run);
    from += run;
    size_t d = rank - 1;
    while (d != 0 && ++row[d - 1] == extent[d - 1]) row[--d] = 0;
    if (d == 0) return;
  }
}

// The first dimension from which on `extent` fills `room`: a box is one run when all before it,
// but one, have extent 1.
bool one_run(const Shape& extent, const Shape& room) {
  size_t d = extent.size();
  while (d != 0 && extent[d - 1] == room[d - 1]) --d;
  for (size_t before = 0; before + 1 < d; ++before)
    if (extent[before] != 1) return false;
  return true;
}

}  // namespace

void read_region(const File& file, int64_t begin, DType dtype, const Shape& chunk,
                 const Box& region, std::span<std::byte> out, const Shape& room, const Shape& at) {
  const auto element = static_cast<int64_t>(bits(dtype) / 8);
  const int64_t size = elements(region.extent) * element;
  if (size == 0) return;
  if (one_run(region.extent, room)) {
    const Shape steps = strides(room);
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * steps[d];
    read_box(file, begin, dtype, chunk, region,
             out.subspan(static_cast<size_t>(offset * element), static_cast<size_t>(size)));
    return;
  }
  // Slabs along the first dimension that has more than one index; each is read dense.
  size_t d = 0;
  while (region.extent[d] == 1) ++d;
  const int64_t row = size / region.extent[d];
  const int64_t rows = std::max<int64_t>(1, kBuffer / row);
  if (row > kBuffer && d + 1 < region.extent.size()) {
    Box part = region;
    Shape part_at = at;
    part.extent[d] = 1;
    for (int64_t i = 0; i < region.extent[d]; ++i, ++part.at[d], ++part_at[d])
      read_region(file, begin, dtype, chunk, part, out, room, part_at);
    return;
  }
  std::vector<std::byte> buffer(static_cast<size_t>(std::min(rows, region.extent[d]) * row));
  Box part = region;
  Shape part_at = at;
  for (int64_t done = 0; done < region.extent[d]; done += part.extent[d]) {
    part.at[d] = region.at[d] + done;
    part_at[d] = at[d] + done;
    part.extent[d] = std::min(rows, region.extent[d] - done);
    const auto slab = std::span(buffer).first(static_cast<size_t>(part.extent[d] * row));
    read_box(file, begin, dtype, chunk, part, slab);
    scatter(slab.data(), part.extent, out.data(), room, part_at, static_cast<size_t>(element));
  }
}

}  // namespace bascule
