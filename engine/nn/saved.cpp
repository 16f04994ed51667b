#include "nn/saved.h"

#include <algorithm>
#include <unordered_set>

#include "kernels/device.h"
#include "kernels/embedding.h"
#include "nn/parameters.h"

namespace bascule {
namespace {

using at::Tensor;

/// gradient += product, of a narrower type. ATen widens the whole of it first.
void add_slices(const Tensor& gradient, const Tensor& product) {
  constexpr int64_t kSlice = int64_t{1} << 20;  // elements
  const int64_t step = std::max<int64_t>(1, kSlice / std::max<int64_t>(1, product.size(1)));
  for (int64_t at = 0; at < product.size(0); at += step) {
    const int64_t rows = std::min(step, product.size(0) - at);
    gradient.narrow(0, at, rows).add_(product.narrow(0, at, rows));
  }
}

void add(const Saved::Waiting& waiting) {
  const Tensor& gradient = waiting.parameter->gradient;
  if (!gradient.defined()) return;  // frozen
  if (waiting.rows.defined()) {
    embedding_backward(gradient, waiting.dy, waiting.rows, waiting.factor);
  } else if (!waiting.x.defined()) {
    gradient.add_(waiting.dy.view(gradient.sizes()));
  } else if (waiting.x.scalar_type() == gradient.scalar_type()) {
    gradient.addmm_(waiting.dy.t(), waiting.x);
  } else if (on_gpu(gradient) && gradient.scalar_type() == at::kFloat) {
    // Products of bf16 are added up in fp32, in place.
    Tensor sum = gradient;
    if (waiting.x.size(0) > 0 && !sum.is_meta())
      at::addmm_out(sum, sum, waiting.dy.t(), waiting.x, at::kFloat);
  } else {
    add_slices(gradient, at::mm(waiting.dy.t(), waiting.x));
  }
}

void count(const Saved& saved, std::unordered_set<const void*>& seen, int64_t& bytes) {
  for (const Tensor& tensor : saved.tensors)
    if (tensor.defined() && seen.insert(tensor.storage().data()).second)
      bytes += static_cast<int64_t>(tensor.storage().nbytes());
  for (const Saved& part : saved.parts) count(part, seen, bytes);
}

}  // namespace

int64_t Saved::bytes() const {
  std::unordered_set<const void*> seen;
  int64_t bytes = 0;
  count(*this, seen, bytes);
  return bytes;
}

void accumulate(Saved& saved) {
  for (const Saved::Waiting& waiting : saved.waiting) add(waiting);
  for (Saved& part : saved.parts) accumulate(part);
  saved = {};
}

}  // namespace bascule
