// The output layer, fused with the loss, so that logits of all tokens never exist. Immutable.
#pragma once

#include <optional>

#include "model/arch.h"
#include "nn/batch.h"
#include "nn/norm_block.h"
#include "nn/parameters.h"
#include "nn/saved.h"

namespace bascule {

struct LossSum {
  double loss = 0;    // over the tokens that count, in nats
  double tokens = 0;  // how much they count
};

class Head {
 public:
  /// `chunk_bytes` bounds the logits that exist at a time; 0: as suits the device.
  Head(const Parameters& parameters, const Arch& arch, int64_t chunk_bytes = 0);

  /// All logits, [tokens, vocabulary], capped: for looking at a model, and for losses of others.
  at::Tensor logits(const at::Tensor& in, const Batch& batch) const;

  /// The gradient of `in`, from that of logits(in), [tokens, vocabulary]; the
  /// weight's is added to its accumulated one.
  at::Tensor logits_backward(const at::Tensor& dlogits, const at::Tensor& in,
                             const Batch& batch) const;

  /// The loss of each token, [tokens] in compute_type(), whatever it counts.
  at::Tensor losses(const at::Tensor& in, const Batch& batch) const;

  /// The loss, summed, and, where `scale` is given, the gradient of scale * loss: of `in` into
  /// `din`, of the weight into its accumulated gradient, at once.
  LossSum loss(const at::Tensor& in, const Batch& batch, std::optional<double> scale,
               at::Tensor* din) const;

 private:
  int64_t chunk_rows(const at::Tensor& x) const;

  NormBlock norm_;
  const Parameter* weight_;
  std::optional<double> soft_cap_;
  int64_t chunk_bytes_;
};

}  // namespace bascule
