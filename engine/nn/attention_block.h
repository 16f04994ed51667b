// Grouped-query self-attention: projections, norms of queries and keys, rope, the core. Immutable.
#pragma once

#include <optional>

#include "kernels/attention.h"
#include "kernels/rope.h"
#include "model/arch.h"
#include "nn/block.h"
#include "nn/linear.h"
#include "nn/norm_block.h"

namespace bascule {

class AttentionBlock : public Block {
 public:
  /// `at` is the layer's prefix, "layers.3.". Throws Error{unsupported} for parts of `gqa` that
  /// training does not know.
  AttentionBlock(const Parameters& parameters, const Arch& arch, const Gqa& gqa,
                 const std::string& at);

  at::Tensor forward(const at::Tensor& in, const Batch& batch, Saved& saved) const override;
  at::Tensor backward(const at::Tensor& dout, const Batch& batch, Saved& saved) const override;

 private:
  bool norms_heads() const;  // each by itself
  /// Queries and keys, parts of the projection, normalised.
  void normalize(at::Tensor& queries, at::Tensor& keys, const Batch& batch, Saved& saved) const;
  /// The gradients of queries and keys before the norms, as parts of that of the projection.
  void normalize_backward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& dq,
                          const at::Tensor& dk, const Batch& batch, Saved& saved) const;
  const RopeTable& table(const Batch& batch, at::ScalarType type) const;
  /// The gradients of queries, keys and values, [tokens, heads, dim], as that of the projection.
  at::Tensor packed(at::Tensor dq, at::Tensor dk, const at::Tensor& dv, const Batch& batch,
                    Saved& saved) const;

  Gqa gqa_;
  Rope rope_;
  double theta_;
  AttentionRule rule_;
  Linear qkv_, out_;
  const Parameter* sinks_ = nullptr;
  std::optional<NormBlock> q_norm_, k_norm_;
};

}  // namespace bascule
