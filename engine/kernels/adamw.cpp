#include "kernels/adamw.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "base/check.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr int64_t kGrain = int64_t{1} << 15;

template <class T>
void update(T* p, const T* g, T* m, T* v, int64_t count, const AdamW& rule) {
  const auto step = static_cast<double>(rule.step);
  const auto scale = static_cast<T>(rule.gradient_scale), eps = static_cast<T>(rule.eps);
  const auto keep = static_cast<T>(1 - rule.lr * rule.weight_decay);
  const auto b1 = static_cast<T>(rule.beta1), b2 = static_cast<T>(rule.beta2);
  const auto c1 = static_cast<T>(1 - rule.beta1), c2 = static_cast<T>(1 - rule.beta2);
  const auto size = static_cast<T>(rule.lr / (1 - std::pow(rule.beta1, step)));
  const auto root = static_cast<T>(std::sqrt(1 - std::pow(rule.beta2, step)));
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = g[i] * scale;
    m[i] = b1 * m[i] + c1 * gradient;
    v[i] = b2 * v[i] + c2 * gradient * gradient;
    p[i] = p[i] * keep - size * m[i] / (std::sqrt(v[i]) / root + eps);
  }
}

template <class T>
void in_parallel(const Tensor& p, const Tensor& g, const Tensor& m, const Tensor& v,
                 const AdamW& rule) {
  T* const pp = p.mutable_data_ptr<T>();
  const T* const gp = g.const_data_ptr<T>();
  T* const mp = m.mutable_data_ptr<T>();
  T* const vp = v.mutable_data_ptr<T>();
  at::parallel_for(0, p.numel(), kGrain, [&](int64_t begin, int64_t end) {
    update(pp + begin, gp + begin, mp + begin, vp + begin, end - begin, rule);
  });
}

template <class T>
double squares(const Tensor& tensor) {
  const T* const values = tensor.const_data_ptr<T>();
  const int64_t count = tensor.numel(), blocks = (count + kGrain - 1) / kGrain;
  std::vector<double> sums(static_cast<size_t>(blocks));
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      double sum = 0;
      for (int64_t i = block * kGrain; i < std::min(count, (block + 1) * kGrain); ++i) {
        const auto value = static_cast<double>(values[i]);
        sum += value * value;
      }
      sums[static_cast<size_t>(block)] = sum;
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

void adamw(const Tensor& parameters, const Tensor& gradients, const Tensor& first,
           const Tensor& second, const AdamW& rule) {
  for (const Tensor* tensor : {&gradients, &first, &second})
    require(tensor->scalar_type() == parameters.scalar_type() && tensor->is_contiguous() &&
                tensor->numel() == parameters.numel(),
            Kind::internal, "AdamW takes dense tensors of one dtype and size");
  if (parameters.scalar_type() == at::kDouble)
    in_parallel<double>(parameters, gradients, first, second, rule);
  else
    in_parallel<float>(parameters, gradients, first, second, rule);
}

double sum_of_squares(const Tensor& gradients) {
  return gradients.scalar_type() == at::kDouble ? squares<double>(gradients)
                                                : squares<float>(gradients);
}

}  // namespace bascule
