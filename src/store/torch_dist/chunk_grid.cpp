#include "store/torch_dist/chunk_grid.h"

#include <algorithm>

#include "base/check.h"

namespace bascule {
namespace {

constexpr uint32_t kNobody = UINT32_MAX;

bool holds_nothing(std::span<const int64_t> extent) {
  return std::ranges::find(extent, 0) != extent.end();
}

// Calls `visit(cell)` for every cell of the block [first, last) in row-major order.
template <class Visit>
void for_each_cell(const std::vector<size_t>& first, const std::vector<size_t>& last,
                   const std::vector<size_t>& steps, Visit&& visit) {
  std::vector<size_t> at = first;
  for (;;) {
    size_t cell = 0;
    for (size_t d = 0; d < at.size(); ++d) cell += at[d] * steps[d];
    visit(cell, at);
    size_t d = at.size();
    while (d != 0 && ++at[d - 1] == last[d - 1]) {
      at[d - 1] = first[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

}  // namespace

ChunkGrid::ChunkGrid(const DcpTensor& tensor) {
  const size_t rank = tensor.shape.size();
  cuts_.resize(rank);
  size_t filled = 0;
  for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk) {
    const auto at = tensor.at(chunk), extent = tensor.extent(chunk);
    for (size_t d = 0; d < rank; ++d)
      if (at[d] > tensor.shape[d] || extent[d] > tensor.shape[d] - at[d])
        fail(Kind::format, "{}: the chunk at {} of extent {} reaches outside the tensor's shape {}",
             tensor.name, to_string(tensor.box(chunk).at), to_string(tensor.box(chunk).extent),
             to_string(tensor.shape));
    if (holds_nothing(extent)) continue;
    ++filled;
    for (size_t d = 0; d < rank; ++d) cuts_[d].push_back(at[d]);
  }
  if (holds_nothing(tensor.shape)) return;

  const uint64_t most = 64 * uint64_t{filled} + 256;
  uint64_t cells = 1;
  steps_.resize(rank);
  for (size_t d = rank; d-- != 0;) {
    std::ranges::sort(cuts_[d]);
    cuts_[d].erase(std::unique(cuts_[d].begin(), cuts_[d].end()), cuts_[d].end());
    require(cuts_[d].empty() || cuts_[d][0] == 0, Kind::format,
            "{}: no chunk begins at 0 in dimension {}", tensor.name, d);
    steps_[d] = cells;
    cells *= std::max<size_t>(cuts_[d].size(), 1);
    require(cells <= most, Kind::unsupported,
            "{}: its {} chunks are cut so irregularly that they make more than {} cells",
            tensor.name, filled, most);
  }
  owner_.assign(cells, kNobody);
  for (size_t chunk = 0; chunk < tensor.chunks(); ++chunk)
    if (!holds_nothing(tensor.extent(chunk))) paint(tensor, chunk);
  const auto hole = std::ranges::find(owner_, kNobody);
  if (hole == owner_.end()) return;
  Shape at;
  for (size_t d = 0; d < rank; ++d)
    at.push_back(
        cuts_[d].empty()
            ? 0
            : cuts_[d][static_cast<size_t>(hole - owner_.begin()) / steps_[d] % cuts_[d].size()]);
  fail(Kind::format, "{}: no chunk holds its elements from {} on", tensor.name, to_string(at));
}

// Where a chunk ends, another begins or the tensor ends: so cells are never cut by a chunk's end.
void ChunkGrid::paint(const DcpTensor& tensor, size_t chunk) {
  const auto at = tensor.at(chunk), extent = tensor.extent(chunk);
  std::vector<size_t> first(at.size()), last(at.size());
  for (size_t d = 0; d < at.size(); ++d) {
    const int64_t end = at[d] + extent[d];
    first[d] = cell(d, at[d]);
    last[d] = cell(d, end - 1) + 1;
    const bool ends_at_cut =
        last[d] == cuts_[d].size() ? end == tensor.shape[d] : end == cuts_[d][last[d]];
    if (!ends_at_cut) {
      Shape behind(at.begin(), at.end());
      behind[d] = end;
      fail(Kind::format,
           "{}: a hole or an overlap: no chunk begins at {}, where the one at {} ends", tensor.name,
           to_string(behind), to_string(tensor.box(chunk).at));
    }
  }
  for_each_cell(first, last, steps_, [&](size_t cell, const std::vector<size_t>&) {
    if (owner_[cell] != kNobody)
      fail(Kind::format, "{}: the chunks at {} and {} overlap", tensor.name,
           to_string(tensor.box(owner_[cell]).at), to_string(tensor.box(chunk).at));
    owner_[cell] = static_cast<uint32_t>(chunk);
  });
}

size_t ChunkGrid::cell(size_t dim, int64_t position) const {
  const auto& cuts = cuts_[dim];
  return static_cast<size_t>(std::ranges::upper_bound(cuts, position) - cuts.begin()) - 1;
}

void ChunkGrid::visit(const DcpTensor& tensor, const Box& box,
                      const std::function<void(size_t chunk)>& visit) const {
  if (holds_nothing(box.extent)) return;
  std::vector<size_t> first(box.at.size()), last(box.at.size());
  for (size_t d = 0; d < box.at.size(); ++d) {
    first[d] = cell(d, box.at[d]);
    last[d] = cell(d, box.at[d] + box.extent[d] - 1) + 1;
  }
  for_each_cell(first, last, steps_, [&](size_t cell, const std::vector<size_t>& at) {
    // A chunk of several cells is met in the first of them that is in the box.
    const auto begin = tensor.at(owner_[cell]);
    for (size_t d = 0; d < at.size(); ++d)
      if (at[d] != first[d] && cuts_[d][at[d]] != begin[d]) return;
    visit(owner_[cell]);
  });
}

}  // namespace bascule
