#include "kernels/grouped.h"

#include <algorithm>
#include <functional>

#include "kernels/cuda/kernels.h"
#include "kernels/device.h"

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

/// Calls `body` for each expert that has rows. Waits for the device.
void each_group(const Tensor& ends,
                const std::function<void(int64_t expert, int64_t begin, int64_t count)>& body) {
  if (ends.is_meta()) return;
  const Tensor here = ends.cpu();
  const int32_t* end = here.const_data_ptr<int32_t>();
  int64_t begin = 0;
  for (int64_t e = 0; e < here.size(0); begin = end[e++])
    if (end[e] > begin) body(e, begin, end[e] - begin);
}

}  // namespace

Tensor grouped_mm(const Tensor& x, const Tensor& matrices, const Tensor& ends) {
  if constexpr (cuda::kBuilt)
    if (!x.is_meta() && cuda::groups({x, matrices})) return at::_grouped_mm(x, matrices, ends);
  Tensor out = at::empty({x.size(0), matrices.size(2)}, x.options());
  each_group(ends, [&](int64_t expert, int64_t begin, int64_t count) {
    Tensor part = out.narrow(0, begin, count);
    at::mm_out(part, x.narrow(0, begin, count), matrices[expert]);
  });
  return out;
}

void add_products(const Tensor& gradient, const Tensor& dy, const Tensor& x, bool overwrites) {
  Tensor sum = gradient;
  if (x.scalar_type() == gradient.scalar_type()) {
    overwrites ? at::mm_out(sum, dy.t(), x) : sum.addmm_(dy.t(), x);
  } else if (on_gpu(gradient) && gradient.scalar_type() == at::kFloat && x.size(0) > 0) {
    // Products of bf16 are added up in fp32, in place.
    if (sum.is_meta()) return;
    overwrites ? at::mm_out(sum, dy.t(), x, at::kFloat)
               : at::addmm_out(sum, sum, dy.t(), x, at::kFloat);
  } else if (overwrites) {
    sum.copy_(at::mm(dy.t(), x));
  } else {
    add_slices(gradient, at::mm(dy.t(), x));
  }
}

void add_grouped_products(const Tensor& gradients, const Tensor& dy, const Tensor& x,
                          const Tensor& ends, bool overwrites, Tensor* squares) {
  if constexpr (cuda::kBuilt)
    if (cuda::groups({dy, x}) && cuda::sums_up(gradients))
      return cuda::add_grouped_products(gradients, dy, x, ends, overwrites, squares);
  if (overwrites) gradients.zero_();
  each_group(ends, [&](int64_t expert, int64_t begin, int64_t count) {
    add_products(gradients[expert], dy.narrow(0, begin, count), x.narrow(0, begin, count));
  });
}

}  // namespace bascule
