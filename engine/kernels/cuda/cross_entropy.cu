#include <cfloat>

#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr int kThreads = 1024;

/// log(sum of exp(z)) as largest + log(sum), while it is being made.
struct LogSum {
  float largest = -FLT_MAX, sum = 0;
};

__device__ inline LogSum joined(const LogSum& a, const LogSum& b) {
  const float largest = fmaxf(a.largest, b.largest);
  return {largest, a.sum * __expf(a.largest - largest) + b.sum * __expf(b.largest - largest)};
}

/// Over the block, the result in every thread.
__device__ inline float log_sum(LogSum own) {
  __shared__ LogSum parts[kThreads / kWarp];
  for (int step = kWarp / 2; step > 0; step /= 2)
    own = joined(own, {__shfl_xor_sync(0xffffffff, own.largest, step),
                       __shfl_xor_sync(0xffffffff, own.sum, step)});
  if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = own;
  __syncthreads();
  own = parts[0];
  for (int i = 1; i < kThreads / kWarp; ++i) own = joined(own, parts[i]);
  return own.largest + logf(own.sum);
}

__device__ inline float capped(float z, float cap) { return cap > 0 ? cap * tanhf(z / cap) : z; }

// A block is a row's, which is read twice: the second time it is still in the cache.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads) loss(CrossEntropy arrays, T* logits) {
  const int64_t row = blockIdx.x, label = arrays.labels[row];
  const float cap = arrays.soft_cap;
  T* z = logits + row * arrays.vocabulary;
  LogSum own;
  for (int64_t c = threadIdx.x * kPack; c < arrays.vocabulary; c += kThreads * kPack) {
    const auto pack = load<kPack>(z + c);
    float values[kPack], largest = own.largest;
    for (int k = 0; k < kPack; ++k) {
      values[k] = capped(wide(pack.at[k]), cap);
      largest = fmaxf(largest, values[k]);
    }
    own.sum *= __expf(own.largest - largest);
    for (int k = 0; k < kPack; ++k) own.sum += __expf(values[k] - largest);
    own.largest = largest;
  }
  const float at_label = capped(wide(z[label]), cap);  // before anything is overwritten
  const float whole = log_sum(own);
  if (threadIdx.x == 0) arrays.losses[row] = whole - at_label;
  if (!arrays.gradient) return;
  const float weight = arrays.weights[row] * arrays.scale;
  for (int64_t c = threadIdx.x * kPack; c < arrays.vocabulary; c += kThreads * kPack) {
    auto pack = load<kPack>(z + c);
    for (int k = 0; k < kPack; ++k) {
      const float value = capped(wide(pack.at[k]), cap);
      float d = (__expf(value - whole) - (c + k == label ? 1.0f : 0.0f)) * weight;
      if (cap > 0) d *= 1 - value / cap * (value / cap);
      pack.at[k] = narrow<T>(d);
    }
    store<kPack>(z + c, pack);
  }
}

}  // namespace

void cross_entropy(const CrossEntropy& arrays, cudaStream_t stream) {
  const auto rows = static_cast<unsigned>(arrays.rows);
  if (rows == 0) return;
  by_type(arrays.logits.type, [&](auto t) {
    using T = decltype(t);
    T* logits = as<T>(arrays.logits);
    if (fits(16, {logits}, {arrays.vocabulary * static_cast<int64_t>(sizeof(T))}))
      loss<T, kFull<T>><<<rows, kThreads, 0, stream>>>(arrays, logits);
    else
      loss<T, 1><<<rows, kThreads, 0, stream>>>(arrays, logits);
  });
}

}  // namespace bascule::cuda
