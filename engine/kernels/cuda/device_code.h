// What the kernels have alike: conversions, packs of 16 bytes, sums over threads. Device code.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "kernels/cuda/launch.h"

namespace bascule::cuda {

using bf16 = __nv_bfloat16;

constexpr int kBlock = 256;  // threads
constexpr int kWarp = 32;

__device__ inline float wide(float x) { return x; }
__device__ inline float wide(bf16 x) { return __bfloat162float(x); }

template <class T>
__device__ inline T narrow(float x) {
  if constexpr (sizeof(T) == sizeof(float))
    return x;
  else
    return __float2bfloat16_rn(x);
}

/// As PTX names what lies in shared memory.
__device__ inline unsigned shared_address(const void* at) {
  return static_cast<unsigned>(__cvta_generic_to_shared(at));
}

/// Neighbours that are loaded and stored at once.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount > 16 ? 16 : sizeof(T) * kCount) Pack {
  T at[kCount];
};
template <int kCount, class T>
__device__ inline Pack<T, kCount> load(const T* from) {
  return *reinterpret_cast<const Pack<T, kCount>*>(from);
}
template <int kCount, class T>
__device__ inline void store(T* to, const Pack<T, kCount>& pack) {
  *reinterpret_cast<Pack<T, kCount>*>(to) = pack;
}

/// How many T a thread takes at once where all is aligned.
template <class T>
constexpr int kFull = 16 / sizeof(T);

/// Whether packs of `bytes` fit these addresses and these counts of bytes.
inline bool fits(int64_t bytes, std::initializer_list<const void*> addresses,
                 std::initializer_list<int64_t> counts) {
  bool all = true;
  for (const void* address : addresses)
    all = all && reinterpret_cast<uintptr_t>(address) % static_cast<uintptr_t>(bytes) == 0;
  for (const int64_t count : counts) all = all && count % bytes == 0;
  return all;
}

/// The sum over kLanes lanes of a warp that begin at a multiple of kLanes, in each of them.
template <int kLanes = kWarp, class T>
__device__ inline T warp_sum(T x) {
  constexpr unsigned kFirst = 0xffffffff >> (kWarp - kLanes);
  const unsigned own = kFirst << (threadIdx.x % kWarp / kLanes * kLanes);
  for (int step = kLanes / 2; step > 0; step /= 2) x += __shfl_xor_sync(own, x, step);
  return x;
}

/// The sum over the kLanes threads that share a row, in each of them: part of a warp, a warp, or
/// the whole block, all of whose threads must then call this.
template <int kLanes, class T>
__device__ inline T row_sum(T x) {
  x = warp_sum<(kLanes < kWarp ? kLanes : kWarp)>(x);
  if constexpr (kLanes > kWarp) {
    __shared__ T parts[kLanes / kWarp];
    __syncthreads();  // the parts of the sum before have been read
    if (threadIdx.x % kWarp == 0) parts[threadIdx.x / kWarp] = x;
    __syncthreads();
    x = 0;
    for (int i = 0; i < kLanes / kWarp; ++i) x += parts[i];
  }
  return x;
}

/// Calls `body` with a value of the type that `type` names.
template <class Body>
void by_type(Stored type, Body&& body) {
  if (type == Stored::bf16)
    body(bf16{});
  else
    body(float{});
}

template <class T>
T* as(const Array& array) {
  return static_cast<T*>(array.data);
}

/// Calls `body` with a type and the size of the packs that rows of `width` at `addresses` allow.
template <class Body>
void by_pack(Stored type, std::initializer_list<const void*> addresses, int64_t width,
             Body&& body) {
  by_type(type, [&](auto t) {
    using T = decltype(t);
    if (fits(16, addresses, {width * static_cast<int64_t>(sizeof(T))}))
      body(t, std::integral_constant<int, kFull<T>>{});
    else
      body(t, std::integral_constant<int, 1>{});
  });
}

inline unsigned blocks_for(int64_t items, int64_t per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

}  // namespace bascule::cuda
