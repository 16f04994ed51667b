// The output layer, fused with the loss, so that logits of all tokens never exist. Immutable.
#pragma once

#include <optional>

#include "kernels/arriving.h"
#include "model/arch.h"
#include "nn/batch.h"
#include "nn/norm_block.h"
#include "nn/parameters.h"
#include "nn/saved.h"

namespace bascule {

/// Over the tokens that count. A GPU's is on its way: who reads it waits for the forward, and not
/// for what the GPU was given since.
class LossSum {
 public:
  LossSum() : LossSum(0, 0) {}
  LossSum(double loss, double tokens);
  /// Of a tensor of these two.
  explicit LossSum(const at::Tensor& both) : both_(both) {}

  double loss() const { return both_.values()[0].item<double>(); }    // in nats
  double tokens() const { return both_.values()[1].item<double>(); }  // how much they count

 private:
  Arriving both_;
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
