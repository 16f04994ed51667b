// Which chunk of a tensor holds which elements. Immutable; safe from several threads.
//
// The starts of all chunks cut every dimension; the cells between the cuts are numbered, and each
// belongs to one chunk. Chunks of a grid are one cell each; irregular ones are several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "store/torch_dist/dcp_metadata.h"

namespace bascule {

class ChunkGrid {
 public:
  /// Builds the index. Throws Error{format} when the chunks do not cover the tensor exactly once,
  /// Error{unsupported} when they are so irregular that the index would be much larger than they.
  explicit ChunkGrid(const DcpTensor& tensor);

  /// Calls `visit(chunk)` once for each chunk that shares elements with `box`, which must lie
  /// within the tensor, in ascending order of the first shared element.
  void visit(const DcpTensor& tensor, const Box& box,
             const std::function<void(size_t chunk)>& visit) const;

 private:
  void paint(const DcpTensor& tensor, size_t chunk);
  size_t cell(size_t dim, int64_t position) const;

  std::vector<std::vector<int64_t>> cuts_;  // where cells begin, by dimension
  std::vector<size_t> steps_;               // row-major, of cells
  std::vector<uint32_t> owner_;             // chunk by cell
};

}  // namespace bascule
