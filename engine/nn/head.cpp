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
  return on_gpu(device) ? int64_t{5} << 29 : int64_t{16} << 20;
}

/// Bytes of a row of logits while its loss is computed: kernels for GPUs work in place.
int64_t row_bytes(const Tensor& weight) {
  const at::ScalarType type = on_gpu(weight) ? weight.scalar_type() : compute_type(weight);
  return weight.size(0) * static_cast<int64_t>(at::elementSize(type));
}

constexpr int64_t kTile = 256;  // rows: what products on GPUs are cut into

}  // namespace

LossSum::LossSum(double loss, double tokens)
    : both_(at::tensor({loss, tokens}, at::TensorOptions(at::kDouble))) {}

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

Tensor Head::logits_backward(const Tensor& dlogits, const Tensor& in, const Batch& batch) const {
  Saved saved;
  const Tensor x = norm_.forward(in, batch, saved);
  Tensor dz = dlogits;
  if (soft_cap_) {
    const Tensor capped = at::mm(x, weight_->value.t()).div_(*soft_cap_).tanh_();
    dz = dz * (1 - capped * capped);
  }
  saved.waiting.push_back({weight_, dz, x});
  const Tensor din = norm_.backward(at::mm(dz, weight_->value), batch, saved);
  accumulate(saved);
  return din;
}

int64_t Head::chunk_rows(const Tensor& x) const {
  int64_t rows = chunk_bytes_ / row_bytes(weight_->value);
  if (on_gpu(x) && rows > kTile) rows = rows / kTile * kTile;
  return std::clamp<int64_t>(rows, 1, x.size(0));
}

Tensor Head::losses(const Tensor& in, const Batch& batch) const {
  Saved unused;
  const Tensor x = norm_.forward(in, batch, unused);
  const int64_t tokens = x.size(0), step = chunk_rows(x);
  const Tensor ones = at::ones({tokens}, x.options().dtype(compute_type(in)));
  Tensor all = at::empty_like(ones);
  for (int64_t at = 0; at < tokens; at += step) {
    const int64_t rows = std::min(step, tokens - at);
    Tensor z = at::mm(x.narrow(0, at, rows), weight_->value.t());
    all.narrow(0, at, rows)
        .copy_(cross_entropy(z, batch.labels.narrow(0, at, rows), ones.narrow(0, at, rows),
                             soft_cap_, std::nullopt));
  }
  return all;
}

LossSum Head::loss(const Tensor& in, const Batch& batch, std::optional<double> scale,
                   Tensor* din) const {
  Saved saved;
  const Tensor x = norm_.forward(in, batch, saved);
  const Tensor mask = batch.loss_mask.to(compute_type(in));
  const int64_t tokens = x.size(0), step = chunk_rows(x);
  Tensor dx = scale ? at::empty_like(x) : Tensor();
  Tensor all = at::empty_like(mask);
  for (int64_t at = 0; at < tokens; at += step) {
    const int64_t rows = std::min(step, tokens - at);
    const Tensor part = x.narrow(0, at, rows), weights = mask.narrow(0, at, rows);
    Tensor z = at::mm(part, weight_->value.t());
    all.narrow(0, at, rows)
        .copy_(cross_entropy(z, batch.labels.narrow(0, at, rows), weights, soft_cap_, scale));
    if (!scale) continue;
    Tensor place = dx.narrow(0, at, rows);
    at::mm_out(place, z, weight_->value);
    Saved now;
    now.waiting.push_back({weight_, z, part});
    accumulate(now);
  }
  if (scale && din) *din = norm_.backward(dx, batch, saved);
  accumulate(saved);
  // One sum, as of who has the losses of all tokens, so that it depends on no chunk.
  const Tensor counted = at::stack({(all * mask).sum(), mask.sum()});
  if (counted.is_meta()) return {};
  return LossSum(counted);
}

}  // namespace bascule
