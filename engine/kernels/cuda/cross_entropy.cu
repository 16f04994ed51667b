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
  if (largest > own.largest) own.sum *= __expf(own.largest - largest);
  own.largest = largest;
  for (int k = 0; k < kPack; ++k) own.sum += __expf(values[k] - largest);
}

/// Sets a pack on its way to shared memory, where the thread that did so may read it after waiting.
template <class T, int kPack>
__device__ inline void set_out(T* to, const T* from) {
  if constexpr (kPack * sizeof(T) == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
                 : "memory");
  else
    store<kPack>(to, load<kPack>(from));
}

/// Calls `body` with places from `from` to `to`, kStride apart, and what `logits` has there, of
/// which some is on its way at once.
template <int kPack, int kStride, class T, class Body>
__device__ inline void for_packs(const T* logits, int from, int to, const Body& body) {
  constexpr int kAtOnce = 4;
  for (; from < to; from += kAtOnce * kStride) {
    Pack<T, kPack> packs[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i)
      if (from + i * kStride < to) packs[i] = load<kPack>(logits + from + i * kStride);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i)
      if (from + i * kStride < to) body(from + i * kStride, packs[i]);
  }
}

// A block is a row's, which is read once as far as it fits into shared memory: its first `kept`
// elements. What is left is likely to be in the cache still when it is read again. Each thread
// reads what it has copied itself.
template <bool kCaps, class T, int kPack>
__global__ void __launch_bounds__(kThreads, 1) loss(CrossEntropy arrays, T* logits, int kept) {
  constexpr int kAhead = 6, kStride = kThreads * kPack;
  extern __shared__ Pack<unsigned char, 16> memory[];
  T* const copy = reinterpret_cast<T*>(memory);
  const int64_t row = blockIdx.x;
  const int label = static_cast<int>(arrays.labels[row]);
  const int width = static_cast<int>(arrays.vocabulary), first = threadIdx.x * kPack;
  const int rest = first + max(kept - first + kStride - 1, 0) / kStride * kStride;
  const float cap = arrays.soft_cap;
  T* z = logits + row * width;
  const auto set_out_at = [&](int c) {
    if (c < kept) set_out<T, kPack>(copy + c, z + c);
    asm volatile("cp.async.commit_group;");
  };
  LogSum own;
  for (int i = 0; i < kAhead; ++i) set_out_at(first + i * kStride);
  for_packs<kPack, kStride>(z, rest, width,
                            [&](int, const Pack<T, kPack>& pack) { add<kCaps>(pack, cap, own); });
  for (int c = first; c < kept; c += kStride) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kAhead - 1) : "memory");
    add<kCaps>(load<kPack>(copy + c), cap, own);
    set_out_at(c + kAhead * kStride);
  }
  const float at_label = capped<kCaps>(wide(z[label]), cap);  // before anything is overwritten
  const float whole = log_sum(own);
  if (threadIdx.x == 0) arrays.losses[row] = whole - at_label;
  if (!arrays.gradient) return;
  const float weight = arrays.weights[row] * arrays.scale;
  const auto set_slopes = [&](int c, Pack<T, kPack> pack) {
    for (int k = 0; k < kPack; ++k)
      pack.at[k] =
          narrow<T>(slope<kCaps>(capped<kCaps>(wide(pack.at[k]), cap), whole, weight, cap));
    store<kPack>(z + c, pack);
  };
  for_packs<kPack, kStride>(z, rest, width, set_slopes);
  for (int c = first; c < kept; c += kStride) set_slopes(c, load<kPack>(copy + c));
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
