#include "nn/head.h"

#include <algorithm>

#include "kernels/compute_type.h"
#include "kernels/cross_entropy.h"
#include "kernels/device.h"

namespace bascule {

using at::Tensor;

namespace {

/// A GPU wants large products, and each chunk reads and writes the whole gradient of the weight; a
/// CPU wants what its cache holds.
int64_t suitable_chunk(at::Device device) {
  return on_gpu(device) ? int64_t{1} << 30 : int64_t{16} << 20;
}

/// Bytes of a row of logits while its loss is computed: kernels for GPUs work in place.
int64_t row_bytes(const Tensor& weight) {
  const at::ScalarType type = on_gpu(weight) ? weight.scalar_type() : compute_type(weight);
  return weight.size(0) * static_cast<int64_t>(at::elementSize(type));
}

constexpr int64_t kTile = 256;  // rows: what products on GPUs are cut into

}  // namespace

Head::Head(const Parameters& parameters, const Arch& arch, int64_t chunk_bytes)
    : norm_(parameters, arch.norm, "norm"),
      weight_(&parameters.holding({arch.tied ? "embed" : "head"})),
      soft_cap_(arch.final_soft_cap),
      chunk_bytes_(chunk_bytes ? chunk_bytes : suitable_chunk(parameters.device())) {}

Tensor Head::logits(const Tensor& in, const Batch& batch) const {
  Saved unused;
  Tensor z = at::mm(norm_.forward(in, batch, unused), weight_->value.t());
  if (soft_cap_) z.div_(*soft_cap_).tanh_().mul_(*soft_cap_);
  return z;
}

LossSum Head::loss(const Tensor& in, const Batch& batch, std::optional<double> scale, Tensor* din,
                   Saved& saved) const {
  const Tensor x = norm_.forward(in, batch, saved);
  const Tensor mask = batch.loss_mask.to(compute_type(in));
  const int64_t tokens = x.size(0);
  int64_t step = chunk_bytes_ / row_bytes(weight_->value);
  if (on_gpu(x) && step > kTile) step = step / kTile * kTile;
  step = std::clamp<int64_t>(step, 1, tokens);
  Tensor dx = scale ? at::empty_like(x) : Tensor();
  Tensor sum = at::zeros({}, mask.options());
  for (int64_t at = 0; at < tokens; at += step) {
    const int64_t rows = std::min(step, tokens - at);
    const Tensor part = x.narrow(0, at, rows), weights = mask.narrow(0, at, rows);
    Tensor z = at::mm(part, weight_->value.t());
    const Tensor losses =
        cross_entropy(z, batch.labels.narrow(0, at, rows), weights, soft_cap_, scale);
    sum += (losses * weights).sum();
    if (!scale) continue;
    Tensor place = dx.narrow(0, at, rows);
    at::mm_out(place, z, weight_->value);
    Saved now;
    now.waiting.push_back({weight_, z, part});
    accumulate(now);
  }
  if (scale && din) *din = norm_.backward(dx, batch, saved);
  const Tensor counted = at::stack({sum, mask.sum()});
  if (counted.is_meta()) return {};
  const Tensor sums = counted.cpu();
  return {sums[0].item<double>(), sums[1].item<double>()};
}

}  // namespace bascule
