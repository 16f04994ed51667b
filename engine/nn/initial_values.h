// The values that a model starts from, as a source of tensors like any checkpoint.
#pragma once

#include <array>
#include <cstdint>

#include "model/slot.h"
#include "store/tensor_source.h"

namespace bascule {

/// Every slot as a tensor of its own, in fp32. An element is a function of (seed, slot id, its
/// index in the whole slot) alone: Philox4x32-10 (Salmon et al., SC 2011) through the Box-Muller
/// transform, so that every parallel layout starts from the same model. Immutable.
class InitialValues : public TensorSource {
 public:
  /// Matrices have standard deviation `std`, those that join the residual stream std / sqrt(2
  /// layers), as Megatron's default. Throws Error{unsupported} for slots with rules of their own.
  InitialValues(const Slots& slots, uint64_t seed, double std, int64_t layers);

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  void read(size_t index, const Box& box, std::span<std::byte> out) const override;
  std::pair<size_t, int64_t> place(size_t index) const override {
    return {0, static_cast<int64_t>(index)};
  }

 private:
  struct Rule {
    uint64_t stream = 0;
    double std = 0, constant = 0;  // std 0: the constant
  };
  /// The elements [4 group, 4 group + 4): they share a counter.
  std::array<float, 4> four(const Rule& rule, int64_t group) const;

  uint64_t seed_;
  std::vector<TensorInfo> infos_;
  std::vector<Rule> rules_;
};

}  // namespace bascule
