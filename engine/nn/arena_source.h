// A rank's tensors as a source for plans, and the filling of them from any source.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/dialect.h"
#include "model/layout.h"
#include "store/tensor_source.h"

namespace bascule {

/// The dtype of a stored tensor as ATen's. Throws Error{internal} for those of no parameters.
at::ScalarType torch_type(DType dtype);

/// The dtype of a tensor as a checkpoint names it. Throws Error{internal} for others.
DType stored_dtype(at::ScalarType type);

/// A tensor under the name that the rank's dialect gives it.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;           // dense
  at::Tensor remainders = {};  // where defined, it is the fp32 masters of both (kernels/masters.h)
};

/// Reads from tensors in memory, which it keeps alive. const members may be called from several
/// threads; the values may not change meanwhile.
class ArenaSource : public TensorSource {
 public:
  explicit ArenaSource(std::vector<NamedTensor> tensors);

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override {
    return {0, static_cast<int64_t>(index)};
  }

 private:
  std::vector<NamedTensor> tensors_;
  std::vector<TensorInfo> infos_;
};

/// Fills `targets`, which are what `local` binds in order, from a checkpoint that speaks `dialect`,
/// converting dtypes by rounding to nearest even. Reads only what this rank holds.
void fill(const Slots& slots, const TensorSource& source, const Dialect& dialect,
          const Dialect& local, const Shards& shards, const std::vector<NamedTensor>& targets);

}  // namespace bascule
