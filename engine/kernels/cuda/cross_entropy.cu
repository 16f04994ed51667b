#include <algorithm>
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

template <bool kCaps>
__device__ inline float capped(float z, float cap) {
  return kCaps ? cap * tanhf(z / cap) : z;
}

/// The gradient where `value` is no label's; `whole` is the logarithm of the sum.
template <bool kCaps>
__device__ inline float slope(float value, float whole, float weight, float cap, float label = 0) {
  const float d = (__expf(value - whole) - label) * weight;
  return kCaps ? d * (1 - value / cap * (value / cap)) : d;
}

/// Takes a pack's values into a sum.
template <bool kCaps, class T, int kPack>
__device__ inline void add(const Pack<T, kPack>& pack, float cap, LogSum& own) {
  float values[kPack], largest = own.largest;
  for (int k = 0; k < kPack; ++k) {
    values[k] = capped<kCaps>(wide(pack.at[k]), cap);
    largest = fmaxf(largest, values[k]);
  }
  own.sum *= __expf(own.largest - largest);
  for (int k = 0; k < kPack; ++k) own.sum += __expf(values[k] - largest);
  own.largest = largest;
}

// A block is a row's, which is read once as far as it fits into shared memory: its first `kept`
// elements. What is left is likely to be in the cache still when it is read again.
template <bool kCaps, class T, int kPack>
__global__ void __launch_bounds__(kThreads, 1) loss(CrossEntropy arrays, T* logits, int kept) {
  constexpr int kAhead = 4, kStride = kThreads * kPack;  // loads under way at once
  extern __shared__ Pack<unsigned char, 16> memory[];
  T* const copy = reinterpret_cast<T*>(memory);
  const int64_t row = blockIdx.x;
  const int label = static_cast<int>(arrays.labels[row]);
  const int width = static_cast<int>(arrays.vocabulary), first = threadIdx.x * kPack;
  const float cap = arrays.soft_cap;
  T* z = logits + row * width;
  LogSum own;
  int c = first;
  for (; c + (kAhead - 1) * kStride < width; c += kAhead * kStride) {
    Pack<T, kPack> packs[kAhead];
    for (int i = 0; i < kAhead; ++i) packs[i] = load<kPack>(z + c + i * kStride);
    for (int i = 0; i < kAhead; ++i) {
      if (c + i * kStride < kept) store<kPack>(copy + c + i * kStride, packs[i]);
      add<kCaps>(packs[i], cap, own);
    }
  }
  for (; c < width; c += kStride) {
    const auto pack = load<kPack>(z + c);
    if (c < kept) store<kPack>(copy + c, pack);
    add<kCaps>(pack, cap, own);
  }
  const float at_label = capped<kCaps>(wide(z[label]), cap);  // before anything is overwritten
  const float whole = log_sum(own);
  if (threadIdx.x == 0) arrays.losses[row] = whole - at_label;
  if (!arrays.gradient) return;
  const float weight = arrays.weights[row] * arrays.scale;
  for (c = first; c < width; c += kStride) {
    auto pack = c < kept ? load<kPack>(copy + c) : load<kPack>(z + c);
    for (int k = 0; k < kPack; ++k)
      pack.at[k] =
          narrow<T>(slope<kCaps>(capped<kCaps>(wide(pack.at[k]), cap), whole, weight, cap));
    store<kPack>(z + c, pack);
  }
  if (label / kPack % kThreads == threadIdx.x)  // who has stored there
    z[label] = narrow<T>(slope<kCaps>(at_label, whole, weight, cap, 1));
}

template <bool kCaps, class T, int kPack>
void launch(const CrossEntropy& arrays, T* logits, cudaStream_t stream) {
  constexpr int kSpared = 2 << 10;  // for what the kernel keeps there beside the row
  int device = 0, most = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  constexpr int kSize = sizeof(T);
  const int fitting = arrays.gradient ? std::max(most - kSpared, 0) / (kPack * kSize) * kPack : 0;
  const int kept = static_cast<int>(std::min<int64_t>(fitting, arrays.vocabulary));
  const auto kernel = loss<kCaps, T, kPack>;
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kept * kSize);
  kernel<<<static_cast<unsigned>(arrays.rows), kThreads, kept * kSize, stream>>>(arrays, logits,
                                                                                 kept);
}

template <class T, int kPack>
void launch_capped(const CrossEntropy& arrays, T* logits, cudaStream_t stream) {
  if (arrays.soft_cap > 0)
    launch<true, T, kPack>(arrays, logits, stream);
  else
    launch<false, T, kPack>(arrays, logits, stream);
}

}  // namespace

void cross_entropy(const CrossEntropy& arrays, cudaStream_t stream) {
  if (arrays.rows == 0) return;
  by_type(arrays.logits.type, [&](auto t) {
    using T = decltype(t);
    T* logits = as<T>(arrays.logits);
    if (fits(16, {logits}, {arrays.vocabulary * static_cast<int64_t>(sizeof(T))}))
      launch_capped<T, kFull<T>>(arrays, logits, stream);
    else
      launch_capped<T, 1>(arrays, logits, stream);
  });
}

}  // namespace bascule::cuda
