// Where tensors are read from: a list, and boxes of each. Nothing whole is ever required.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/box.h"
#include "store/dtype.h"

namespace bascule {

/// A tensor as a checkpoint stores it.
struct TensorInfo {
  std::string name;
  DType dtype = DType::bf16;
  Shape shape;
};

/// Reads boxes of named tensors. const members may be called from several threads.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  /// Every tensor, sorted by name.
  virtual const std::vector<TensorInfo>& tensors() const = 0;

  /// Reads a box of tensor `index`, dense and row-major, into `out`, whose size must be exactly
  /// that of the box. Throws Error{environment} when the file is shorter than it was.
  virtual void read(size_t index, const Box& box, std::span<std::byte> out) const = 0;

  /// Where the bytes of a tensor begin, for ordering reads: {file number, offset}.
  virtual std::pair<size_t, int64_t> place(size_t index) const = 0;

  /// The file that a tensor lies in, where it is one that a message can name; else empty.
  virtual std::string file_of(size_t) const { return {}; }

  /// The directory that all tensors lie in, where there is one.
  virtual std::string directory() const { return {}; }
};

/// Where a tensor lies, for a message: its file, else the directory; empty in memory.
std::string lies_in(const TensorSource&, size_t index);

/// Returns the index of the tensor named `name`.
std::optional<size_t> find(const TensorSource&, std::string_view name);

}  // namespace bascule
