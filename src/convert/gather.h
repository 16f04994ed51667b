// Filling a box of a target tensor from sources, as a plan says.
//
// A Gather is immutable once made; several threads may fill boxes at once, each with a Scratch of
// its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "convert/plan.h"
#include "store/tensor_source.h"

namespace bascule {

/// Buffers that one thread reuses from box to box.
struct Scratch {
  std::vector<std::byte> read, cast;
};

class Gather {
 public:
  /// `sources` holds the source of each rank of plan.from; both must outlive the Gather. Throws
  /// Error{mismatch}, naming file-side tensor and both shapes, when a source lacks a tensor or
  /// holds another shape.
  Gather(const Plan& plan, std::vector<const TensorSource*> sources);

  /// The dtype that all sources of target tensor `to` have. Throws Error{mismatch} when they
  /// differ.
  DType source_dtype(size_t to) const;
  /// The dtype of the tensor that a copy reads.
  DType dtype_of(const Copy& copy) const;
  /// Where that tensor lies, as a message begins: "model.safetensors: "; empty in memory.
  std::string where(const Copy& copy) const;

  /// Writes `box` of target tensor `to`, dense and row-major, in `dtype`; padding becomes zero.
  void fill(size_t to, const Box& box, DType dtype, std::span<std::byte> out,
            Scratch& scratch) const;

  /// The smallest position in the sources that feeds target tensor `to`, to order reads by.
  std::pair<size_t, int64_t> source_place(size_t to) const;

 private:
  struct Target {
    size_t stacked = 0;      // leading dimensions that no copy maps
    size_t first_place = 0;  // index into ends_; a place is a point of those dimensions
  };
  /// Indices of the copies that reach a place of a target.
  std::span<const uint32_t> copies_at(const Target& target, int64_t place) const;
  void copy_part(const Copy& copy, const Box& box, DType dtype, std::span<std::byte> out,
                 Scratch& scratch) const;

  const Plan& plan_;
  std::vector<const TensorSource*> sources_;
  std::vector<size_t> index_;  // of plan.from's tensors in their source
  std::vector<Target> targets_;
  std::vector<uint32_t> order_;  // of the plan's copies: by target and place
  std::vector<uint32_t> ends_;   // for each place, where its copies end in order_
};

}  // namespace bascule
