#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr int kPack = 4;
constexpr int kChunk = kBlock * kPack;  // elements of a block: of more, fewer bytes are under way

/// The index of the range that holds element `at`.
__device__ inline int range_of(const AdamWArena& arena, int64_t at) {
  int low = 0, high = arena.ranges - 1;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (at < arena.ends[middle])
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/// One element; returns the new master.
__device__ inline float updated(float p, float g, float& m, float& v, const AdamWRates& rates,
                                float keep) {
  m = rates.beta1 * m + rates.rest1 * g;
  v = rates.beta2 * v + rates.rest2 * g * g;
  return p * keep - rates.size * m / (sqrtf(v) / rates.root + rates.eps);
}

/// kCount masters from element `at`, loaded from and stored to where they are kept (masters.h).
template <int kCount>
__device__ inline Pack<float, kCount> load_masters(const AdamWArena&, const float* values,
                                                   int64_t at) {
  return load<kCount>(values + at);
}
template <int kCount>
__device__ inline Pack<float, kCount> load_masters(const AdamWArena& arena, const bf16* values,
                                                   int64_t at) {
  const auto upper = load<kCount>(reinterpret_cast<const uint16_t*>(values) + at);
  const auto lower = load<kCount>(arena.remainders + at);
  Pack<float, kCount> masters;
  for (int k = 0; k < kCount; ++k) {
    const bool foreign = (upper.at[k] & 0x7fff) == 0 && lower.at[k] < 0;
    const auto rest = static_cast<uint32_t>(foreign ? 0 : static_cast<int32_t>(lower.at[k]));
    masters.at[k] = __uint_as_float((static_cast<uint32_t>(upper.at[k]) << 16) + rest);
  }
  return masters;
}
template <int kCount>
__device__ inline void store_masters(const AdamWArena&, float* values, int64_t at,
                                     const Pack<float, kCount>& masters) {
  store<kCount>(values + at, masters);
}
template <int kCount>
__device__ inline void store_masters(const AdamWArena& arena, bf16* values, int64_t at,
                                     const Pack<float, kCount>& masters) {
  Pack<uint16_t, kCount> upper;
  Pack<int16_t, kCount> lower;
  for (int k = 0; k < kCount; ++k) {
    const uint32_t bits = isnan(masters.at[k]) ? 0x7fc00000 : __float_as_uint(masters.at[k]);
    lower.at[k] = static_cast<int16_t>(bits);
    upper.at[k] = static_cast<uint16_t>((bits + 0x8000) >> 16);
  }
  store<kCount>(reinterpret_cast<uint16_t*>(values) + at, upper);
  store<kCount>(arena.remainders + at, lower);
}

template <class T>
__global__ void __launch_bounds__(kBlock) update(AdamWArena arena, T* values, AdamWRates rates) {
  const double given = *arena.scale;
  if (isnan(given)) return;
  const auto scale = static_cast<float>(given);
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kChunk;
  const int64_t end = begin + kChunk < arena.count ? begin + kChunk : arena.count;
  const int first = range_of(arena, begin);
  const bool alike = range_of(arena, end - 1) == first;
  const uint8_t usual = arena.rules[first];
  const auto rules_at = [&](int64_t i) { return alike ? usual : arena.rules[range_of(arena, i)]; };
  const auto keep_at = [&](int64_t i) { return rules_at(i) & kDecays ? rates.keep : 1.0f; };
  const auto clear = [&](int64_t i, float gradient) {
    if (rules_at(i) & kClears && gradient != 0) arena.gradients[i] = 0;
  };
  const int64_t i = begin + threadIdx.x * kPack;
  if (i + kPack <= end) {
    auto p = load_masters<kPack>(arena, values, i);
    auto m = load<kPack>(arena.first + i), v = load<kPack>(arena.second + i);
    const auto g = load<kPack>(arena.gradients + i);
    for (int k = 0; k < kPack; ++k)
      p.at[k] = updated(p.at[k], g.at[k] * scale, m.at[k], v.at[k], rates, keep_at(i + k));
    store_masters<kPack>(arena, values, i, p);
    store<kPack>(arena.first + i, m);
    store<kPack>(arena.second + i, v);
    for (int k = 0; k < kPack; ++k) clear(i + k, g.at[k]);
    return;
  }
  for (int64_t j = i; j < end; ++j) {
    auto p = load_masters<1>(arena, values, j);
    p.at[0] = updated(p.at[0], arena.gradients[j] * scale, arena.first[j], arena.second[j], rates,
                      keep_at(j));
    store_masters<1>(arena, values, j, p);
    clear(j, arena.gradients[j]);
  }
}

__global__ void __launch_bounds__(kBlock)
    square_parts(const float* values, int64_t count, double* partial) {
  const int64_t packs = count / kPack, stride = static_cast<int64_t>(gridDim.x) * kBlock;
  const int64_t own = static_cast<int64_t>(blockIdx.x) * kBlock + threadIdx.x;
  double sum = 0;
  for (int64_t i = own; i < packs; i += stride) {
    const auto pack = load<kPack>(values + i * kPack);
    for (int k = 0; k < kPack; ++k) sum += static_cast<double>(pack.at[k]) * pack.at[k];
  }
  if (const int64_t i = packs * kPack + own; i < count)
    sum += static_cast<double>(values[i]) * values[i];
  sum = row_sum<kBlock>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kBlock) add_squares(const double* partial, double* out) {
  double sum = 0;
  for (int i = threadIdx.x; i < kSquareParts; i += kBlock) sum += partial[i];
  sum = row_sum<kBlock>(sum);
  if (threadIdx.x == 0) *out = sum;
}

}  // namespace

void adamw(const AdamWArena& arena, const AdamWRates& rates, cudaStream_t stream) {
  if (arena.count == 0) return;
  by_type(arena.values.type, [&](auto t) {
    using T = decltype(t);
    update<T>
        <<<blocks_for(arena.count, kChunk), kBlock, 0, stream>>>(arena, as<T>(arena.values), rates);
  });
}

void sum_of_squares(const float* values, int64_t count, double* partial, double* sum,
                    cudaStream_t stream) {
  square_parts<<<kSquareParts, kBlock, 0, stream>>>(values, count, partial);
  add_squares<<<1, kBlock, 0, stream>>>(partial, sum);
}

}  // namespace bascule::cuda
