// Angles of one micro-batch, which its blocks share. Owned by one micro-batch; one thread at a
// time.
#pragma once

#include <vector>

#include "kernels/rope.h"

namespace bascule {

class RopeTables {
 public:
  /// rope_table(), computed once for each base, head size, dtype, and scaling or none: a model has
  /// one kind of scaling at most. `positions` are the same in every call.
  const RopeTable& get(const Rope& rope, double theta, int64_t head_dim,
                       const at::Tensor& positions, at::ScalarType type);

 private:
  struct Entry {
    double theta;
    int64_t head_dim;
    bool scaled;
    at::ScalarType type;
    RopeTable table;
  };
  std::vector<Entry> entries_;
};

}  // namespace bascule
