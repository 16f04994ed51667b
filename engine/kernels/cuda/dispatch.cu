#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr int kChunk = 1024;  // entries that a block counts, and then places

__device__ inline int bucket(const DispatchShape& shape, const DispatchArrays& arrays, int64_t i) {
  if (arrays.kept && !arrays.kept[i]) return shape.experts;
  return static_cast<int>(arrays.experts[i]);
}

__global__ void __launch_bounds__(kBlock) count(DispatchShape shape, DispatchArrays arrays) {
  extern __shared__ int tally[];  // [buckets]
  const int buckets = shape.experts + 1;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kChunk;
  for (int b = threadIdx.x; b < buckets; b += kBlock) tally[b] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < kChunk && first + i < shape.entries; i += kBlock)
    atomicAdd(&tally[bucket(shape, arrays, first + i)], 1);
  __syncthreads();
  for (int b = threadIdx.x; b < buckets; b += kBlock)
    arrays.partial[static_cast<int64_t>(blockIdx.x) * buckets + b] = tally[b];
}

/// Turns counts into sums of all before, in place, adding `more`; each sum with its own count goes
/// to `ends` where given. Called by a warp.
__device__ void start_at(const int* counts, int size, int* more, int* ends, int ends_size) {
  const int lane = threadIdx.x % kWarp;
  int carry = 0;
  for (int base = 0; base < size; base += kWarp) {
    const int i = base + lane, own = i < size ? counts[i] : 0;
    int sum = own;
    for (int step = 1; step < kWarp; step *= 2) {
      const int below = __shfl_up_sync(0xffffffff, sum, step);
      if (lane >= step) sum += below;
    }
    if (i < size) more[i] += carry + sum - own;
    if (ends && i < ends_size) ends[i] = carry + sum;
    carry += __shfl_sync(0xffffffff, sum, kWarp - 1);
  }
  __syncwarp();
}

// A block's entries stay in order: one warp places them, 32 at a time.
__global__ void __launch_bounds__(kBlock) place(DispatchShape shape, DispatchArrays arrays) {
  extern __shared__ int shared[];
  __shared__ int chosen[kChunk];
  const int buckets = shape.experts + 1;
  int *next = shared, *totals = shared + buckets;  // [buckets] each
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kChunk;
  for (int i = threadIdx.x; i < kChunk; i += kBlock)
    chosen[i] = first + i < shape.entries ? bucket(shape, arrays, first + i) : -1;
  for (int b = threadIdx.x; b < buckets; b += kBlock) {
    int before = 0, total = 0;
#pragma unroll 8
    for (unsigned part = 0; part < gridDim.x; ++part) {
      const int n = arrays.partial[static_cast<int64_t>(part) * buckets + b];
      total += n;
      if (part < blockIdx.x) before += n;
    }
    next[b] = before;
    totals[b] = total;
  }
  __syncthreads();
  if (threadIdx.x >= kWarp) return;
  start_at(totals, buckets, next, blockIdx.x == 0 ? arrays.ends : nullptr, shape.experts);
  const unsigned below = (1u << threadIdx.x) - 1;
  for (int i = threadIdx.x; i < kChunk; i += kWarp) {
    const int expert = chosen[i];
    const unsigned alike = __match_any_sync(0xffffffff, expert);
    const int rank = __popc(alike & below);
    int row = 0;
    if (expert >= 0) row = next[expert] + rank;
    __syncwarp();
    if (expert >= 0) {
      if (rank == 0) next[expert] = row + __popc(alike);
      arrays.entries[row] = static_cast<int>(first + i);
      arrays.rows[first + i] = row;
    }
    __syncwarp();
  }
}

constexpr int kRows = 4;  // of a block

template <class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    gather_rows(RowsShape shape, const T* tokens, const int* entries, T* out) {
  const int64_t rows = shape.tokens * shape.top_k;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kRows;
  const auto present = [&](int i) { return first + i < rows; };
  int64_t from[kRows];
  for (int i = 0; i < kRows; ++i)
    from[i] = present(i) ? entries[first + i] / shape.top_k * shape.width : 0;
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += kBlock * kPack) {
    Pack<T, kPack> packs[kRows];
    for (int i = 0; i < kRows; ++i) packs[i] = load<kPack>(tokens + from[i] + c);
    for (int i = 0; i < kRows; ++i)
      if (present(i)) store<kPack>(out + (first + i) * shape.width + c, packs[i]);
  }
}

// A block is a token's.
template <class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    combine_rows(RowsShape shape, Combine arrays, const T* parts) {
  const int64_t token = blockIdx.x;
  const int taken = arrays.ends[shape.experts - 1];
  const int* rows = arrays.rows + token * shape.top_k;
  const float* weights = arrays.weights ? arrays.weights + token * shape.top_k : nullptr;
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += kBlock * kPack) {
    float sum[kPack] = {};
#pragma unroll 8
    for (int j = 0; j < shape.top_k; ++j) {
      const int row = rows[j];
      Pack<T, kPack> part = {};
      if (row < taken) part = load<kPack>(parts + row * shape.width + c);
      const float weight = weights ? weights[j] : 1.0f;
      for (int k = 0; k < kPack; ++k) sum[k] += weight * wide(part.at[k]);
    }
    const int64_t place = token * shape.width + c;
    for (int i = 0; i < kMostPlus && arrays.plus[i]; ++i) {
      const auto more = load<kPack>(static_cast<const T*>(arrays.plus[i]) + place);
      for (int k = 0; k < kPack; ++k) sum[k] += wide(more.at[k]);
    }
    Pack<T, kPack> rounded;
    for (int k = 0; k < kPack; ++k) rounded.at[k] = narrow<T>(sum[k]);
    store<kPack>(static_cast<T*>(arrays.out.data) + place, rounded);
  }
}

// A warp is a row's.
template <class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    weigh_rows(RowsShape shape, Weigh arrays, T* inner, T* values) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kBlock / kWarp) + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (row >= shape.tokens * shape.top_k) return;
  const int entry = arrays.entries[row];
  const float weight = arrays.weights[entry];
  float sum = 0;
  if (row < arrays.ends[shape.experts - 1])
    for (int64_t c = row * shape.width + lane * kPack; c < (row + 1) * shape.width;
         c += kWarp * kPack) {
      auto a = load<kPack>(inner + c), b = load<kPack>(values + c);
      for (int k = 0; k < kPack; ++k) {
        sum += wide(a.at[k]) * wide(b.at[k]);
        a.at[k] = narrow<T>(wide(a.at[k]) * weight);
        b.at[k] = narrow<T>(wide(b.at[k]) * weight);
      }
      store<kPack>(inner + c, a);
      store<kPack>(values + c, b);
    }
  sum = warp_sum(sum);
  if (lane == 0) arrays.dweights[entry] = sum;
}

}  // namespace

int dispatch_parts(int64_t entries) { return static_cast<int>(blocks_for(entries, kChunk)); }

void dispatch(const DispatchShape& shape, const DispatchArrays& arrays, cudaStream_t stream) {
  const auto parts = static_cast<unsigned>(dispatch_parts(shape.entries));
  if (parts == 0) return;
  const size_t bytes = (static_cast<size_t>(shape.experts) + 1) * sizeof(int);
  count<<<parts, kBlock, bytes, stream>>>(shape, arrays);
  place<<<parts, kBlock, 2 * bytes, stream>>>(shape, arrays);
}

void gather(const RowsShape& shape, Array tokens, const int* entries, Array out,
            cudaStream_t stream) {
  const unsigned blocks = blocks_for(shape.tokens * shape.top_k, kRows);
  if (blocks == 0) return;
  by_pack(tokens.type, {tokens.data, out.data}, shape.width, [&](auto t, auto pack) {
    using T = decltype(t);
    gather_rows<T, pack()>
        <<<blocks, kBlock, 0, stream>>>(shape, as<T>(tokens), entries, as<T>(out));
  });
}

void combine(const RowsShape& shape, const Combine& arrays, cudaStream_t stream) {
  const auto tokens = static_cast<unsigned>(shape.tokens);
  if (tokens == 0) return;
  const auto& plus = arrays.plus;
  by_pack(arrays.parts.type, {arrays.parts.data, arrays.out.data, plus[0], plus[1], plus[2]},
          shape.width, [&](auto t, auto pack) {
            using T = decltype(t);
            combine_rows<T, pack()>
                <<<tokens, kBlock, 0, stream>>>(shape, arrays, as<T>(arrays.parts));
          });
}

void weigh(const RowsShape& shape, const Weigh& arrays, cudaStream_t stream) {
  const unsigned blocks = blocks_for(shape.tokens * shape.top_k, kBlock / kWarp);
  if (blocks == 0) return;
  by_pack(arrays.inner.type, {arrays.inner.data, arrays.values.data}, shape.width,
          [&](auto t, auto pack) {
            using T = decltype(t);
            weigh_rows<T, pack()><<<blocks, kBlock, 0, stream>>>(shape, arrays, as<T>(arrays.inner),
                                                                 as<T>(arrays.values));
          });
}

}  // namespace bascule::cuda
