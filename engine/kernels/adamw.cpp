#include "kernels/adamw.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/cuda/kernels.h"
#include "kernels/masters.h"

namespace bascule {
namespace {

using at::Tensor;

constexpr int64_t kGrain = int64_t{1} << 15;

// The loops are compiled once for each width of vectors. All give the same bits, since multiplies
// and adds are only fused where it says so (CMakeLists.txt): as torch's kernel fuses them, which
// treats what its vectors of 32 bytes leave over (kLast) in another way.
template <class T, bool kLast>
[[gnu::always_inline]] inline void update(T* p, const T* g, T* m, T* v, int64_t count,
                                          const AdamW& rule) {
  const auto step = static_cast<double>(rule.step);
  const auto scale = static_cast<T>(rule.gradient_scale), eps = static_cast<T>(rule.eps);
  const auto keep = static_cast<T>(1 - rule.lr * rule.weight_decay);
  const auto b2 = static_cast<T>(rule.beta2);
  const auto c1 = static_cast<T>(1 - rule.beta1), c2 = static_cast<T>(1 - rule.beta2);
  const auto size = static_cast<T>(rule.lr / (1 - std::pow(rule.beta1, step)));
  const auto root = static_cast<T>(std::sqrt(1 - std::pow(rule.beta2, step)));
  const bool near = c1 < T(0.5);  // an interpolation begins at the nearer end
  const T part = near ? c1 : c1 - 1;
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = g[i] * scale;
    m[i] = std::fma(part, gradient - m[i], near ? m[i] : gradient);
    const T square = c2 * gradient;
    v[i] = kLast ? std::fma(b2, v[i], square * gradient) : std::fma(square, gradient, b2 * v[i]);
    p[i] = p[i] * keep - size * m[i] / (std::sqrt(v[i]) / root + eps);
  }
}

[[gnu::target_clones("avx512f", "fma", "default")]] void update_range(float* p, const float* g,
                                                                      float* m, float* v,
                                                                      int64_t count,
                                                                      const AdamW& rule) {
  update<float, false>(p, g, m, v, count, rule);
}
[[gnu::target_clones("avx512f", "fma", "default")]] void update_range(double* p, const double* g,
                                                                      double* m, double* v,
                                                                      int64_t count,
                                                                      const AdamW& rule) {
  update<double, false>(p, g, m, v, count, rule);
}

/// In sixteen sums side by side, whatever the width of vectors.
template <class T>
[[gnu::always_inline]] inline double add_squares(const T* values, int64_t count) {
  constexpr int64_t kSums = 16;
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t k = 0; k < kSums; ++k) {
      const auto value = static_cast<double>(values[i + k]);
      sums[k] += value * value;
    }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (; i < count; ++i) total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return total;
}

[[gnu::target_clones("avx512f", "avx2", "default")]] double squares_of(const float* values,
                                                                       int64_t count) {
  return add_squares(values, count);
}
[[gnu::target_clones("avx512f", "avx2", "default")]] double squares_of(const double* values,
                                                                       int64_t count) {
  return add_squares(values, count);
}

template <class T>
void in_parallel(const Tensor& p, const Tensor& g, const Tensor& m, const Tensor& v,
                 const AdamW& rule) {
  T* const pp = p.mutable_data_ptr<T>();
  const T* const gp = g.const_data_ptr<T>();
  T* const mp = m.mutable_data_ptr<T>();
  T* const vp = v.mutable_data_ptr<T>();
  constexpr auto kVector = static_cast<int64_t>(32 / sizeof(T));
  const int64_t count = p.numel(), whole = count / kVector * kVector;
  at::parallel_for(0, whole, kGrain, [&](int64_t begin, int64_t end) {
    update_range(pp + begin, gp + begin, mp + begin, vp + begin, end - begin, rule);
  });
  update<T, true>(pp + whole, gp + whole, mp + whole, vp + whole, count - whole, rule);
}

template <class T>
double squares(const Tensor& tensor) {
  const T* const values = tensor.const_data_ptr<T>();
  const int64_t count = tensor.numel(), blocks = (count + kGrain - 1) / kGrain;
  std::vector<double> sums(static_cast<size_t>(blocks));
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kGrain;
      sums[static_cast<size_t>(block)] =
          squares_of(values + first, std::min(count - first, kGrain));
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

// In parts, so that few masters exist at once. They end where vectors end, and change no rounding.
void adamw(const Tensor& parameters, const Tensor& remainders, const Tensor& gradients,
           const Tensor& first, const Tensor& second, const AdamW& rule) {
  const int64_t count = parameters.numel(), most = masters_at_once(parameters.device());
  for (int64_t begin = 0; begin < count; begin += most) {
    const auto part = [&](const Tensor& all) {
      return all.view(-1).narrow(0, begin, std::min(most, count - begin));
    };
    const Tensor masters = masters_of(part(parameters), part(remainders));
    adamw(masters, part(gradients), part(first), part(second), rule);
    keep_masters(masters, part(parameters), part(remainders));
  }
}

double sum_of_squares(const Tensor& gradients) {
  if constexpr (cuda::kBuilt)
    if (cuda::serves(gradients)) return cuda::sum_of_squares(gradients).item<double>();
  return gradients.scalar_type() == at::kDouble ? squares<double>(gradients)
                                                : squares<float>(gradients);
}

}  // namespace bascule
