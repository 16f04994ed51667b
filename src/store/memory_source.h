// Tensors that lie in memory, as a source: a rank's parameters, and tests. Immutable once filled.
#pragma once

#include "store/tensor_source.h"

namespace bascule {

class MemorySource : public TensorSource {
 public:
  /// Adds a dense, row-major tensor. Names may come in any order.
  void add(TensorInfo info, std::vector<std::byte> data);

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override {
    return {0, static_cast<int64_t>(index)};
  }
  const std::vector<std::byte>& data(size_t index) const { return data_[index]; }

 private:
  std::vector<TensorInfo> infos_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace bascule
