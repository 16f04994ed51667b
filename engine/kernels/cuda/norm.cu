#include <algorithm>

#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr int kNarrow = 1024;        // a row up to this width is a warp's work
constexpr int kPair = kWarp / 2;     // lanes of a row that is one pack for each of them at most
constexpr int kMostParts = 8 * 132;  // eight blocks a multiprocessor of an H100

/// Where a row of x is.
__device__ inline int64_t place_of(const NormShape& shape, int64_t row) {
  const int64_t head = row % shape.heads, group = row / shape.heads % shape.groups;
  return row / shape.heads / shape.groups * shape.strides.token + group * shape.strides.group +
         head * shape.strides.head;
}

template <class T, class W, int kLanes, int kPack>
__global__ void __launch_bounds__(kBlock)
    forward(NormShape shape, const T* x, const W* w, T* y, float* scales) {
  const int lane = threadIdx.x % kLanes;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * (kBlock / kLanes) + threadIdx.x / kLanes;
  if (row >= shape.rows) return;
  const T* in = x + place_of(shape, row);
  float sum = 0;
  for (int c = lane * kPack; c < shape.width; c += kLanes * kPack) {
    const auto pack = load<kPack>(in + c);
    for (int k = 0; k < kPack; ++k) sum += wide(pack.at[k]) * wide(pack.at[k]);
  }
  const float mean = row_sum<kLanes>(sum) / static_cast<float>(shape.width);
  const float scale = 1 / sqrtf(mean + shape.eps);
  if (lane == 0) scales[row] = scale;
  for (int c = lane * kPack; c < shape.width; c += kLanes * kPack) {
    const auto pack = load<kPack>(in + c);
    const auto gains = load<kPack>(w + c);
    Pack<T, kPack> out;
    for (int k = 0; k < kPack; ++k)
      out.at[k] = narrow<T>(wide(pack.at[k]) * scale * (shape.centre + wide(gains.at[k])));
    store<kPack>(y + row * shape.width + c, out);
  }
}

/// dx of rows, and the sum of their dw over the block, which is kept in shared memory: element k of
/// pack p at [k, p], so that neighbouring threads touch neighbouring banks.
template <class T, class W, int kLanes, int kPack>
__global__ void __launch_bounds__(kBlock)
    backward(NormShape shape, const T* dy, const T* x, const W* w, const T* plus, T* dx,
             const float* scales, float* partial) {
  constexpr int kRows = kBlock / kLanes;
  constexpr bool kOnePack = kLanes == kPair;
  extern __shared__ float sums[];
  const int lane = threadIdx.x % kLanes, packs = shape.width / kPack;
  float* own = sums + threadIdx.x / kLanes * shape.width;
  float ones[kPack] = {};
  for (int p = lane; p < packs; p += kLanes)
    for (int k = 0; k < kPack; ++k) own[k * packs + p] = 0;

  const int64_t first = static_cast<int64_t>(blockIdx.x) * kRows + threadIdx.x / kLanes;
  for (int64_t row = first; row < shape.rows; row += static_cast<int64_t>(gridDim.x) * kRows) {
    const int64_t at = row * shape.width, place = place_of(shape, row);
    float dot = 0;
    for (int p = lane; p < packs; p += kLanes) {
      const auto d = load<kPack>(dy + at + p * kPack);
      const auto v = load<kPack>(x + place + p * kPack);
      const auto gains = load<kPack>(w + p * kPack);
      for (int k = 0; k < kPack; ++k)
        dot += wide(d.at[k]) * (shape.centre + wide(gains.at[k])) * wide(v.at[k]);
    }
    const float scale = scales[row];
    const float mean = row_sum<kLanes>(dot) * scale / static_cast<float>(shape.width);
    for (int p = lane; p < packs; p += kLanes) {
      const auto d = load<kPack>(dy + at + p * kPack);
      const auto v = load<kPack>(x + place + p * kPack);
      const auto gains = load<kPack>(w + p * kPack);
      Pack<T, kPack> more, out;
      if (plus) more = load<kPack>(plus + at + p * kPack);
      for (int k = 0; k < kPack; ++k) {
        const float unit = wide(v.at[k]) * scale, slope = wide(d.at[k]);
        float value = (slope * (shape.centre + wide(gains.at[k])) - unit * mean) * scale;
        if (plus) value += wide(more.at[k]);
        out.at[k] = narrow<T>(value);
        if constexpr (kOnePack)
          ones[k] += slope * unit;
        else
          own[k * packs + p] += slope * unit;
      }
      store<kPack>(dx + place + p * kPack, out);
    }
  }
  if (kOnePack && lane < packs)
    for (int k = 0; k < kPack; ++k) own[k * packs + lane] = ones[k];
  __syncthreads();
  for (int c = threadIdx.x; c < shape.width; c += kBlock) {
    float sum = 0;
    for (int i = 0; i < kRows; ++i) sum += sums[i * shape.width + c];
    partial[static_cast<int64_t>(blockIdx.x) * shape.width + c % packs * kPack + c / packs] = sum;
  }
}

/// The sum of [parts, width] over the first: 32 columns a block, 8 threads a column.
__global__ void __launch_bounds__(kBlock)
    add_parts(const float* partial, int parts, int width, float* out) {
  __shared__ float sums[kBlock / kWarp][kWarp];
  const int lane = threadIdx.x % kWarp, slice = threadIdx.x / kWarp;
  const int column = static_cast<int>(blockIdx.x) * kWarp + lane;
  float sum = 0;
  if (column < width)
    for (int i = slice; i < parts; i += kBlock / kWarp)
      sum += partial[static_cast<int64_t>(i) * width + column];
  sums[slice][lane] = sum;
  __syncthreads();
  if (slice != 0 || column >= width) return;
  for (int i = 1; i < kBlock / kWarp; ++i) sum += sums[i][lane];
  out[column] = sum;
}

/// Calls `body` with types and numbers of a kernel: T, W, then lanes and pack as constants.
template <int kValue>
using Constant = std::integral_constant<int, kValue>;

template <class T, class W, class Body>
void by_width(int width, bool aligned, Body&& body) {
  const bool narrow_rows = width <= kNarrow;
  if (width <= kPair * kFull<T> && aligned)
    body(T{}, W{}, Constant<kPair>{}, Constant<kFull<T>>{});
  else if (narrow_rows && aligned)
    body(T{}, W{}, Constant<kWarp>{}, Constant<kFull<T>>{});
  else if (narrow_rows)
    body(T{}, W{}, Constant<kWarp>{}, Constant<1>{});
  else if (aligned)
    body(T{}, W{}, Constant<kBlock>{}, Constant<kFull<T>>{});
  else
    body(T{}, W{}, Constant<kBlock>{}, Constant<1>{});
}

template <class Body>
void by_types(Stored type, Stored weight, int width, bool aligned, Body&& body) {
  if (type == Stored::f32)
    by_width<float, float>(width, aligned, body);
  else if (weight == Stored::f32)
    by_width<bf16, float>(width, aligned, body);
  else
    by_width<bf16, bf16>(width, aligned, body);
}

bool aligned(const NormShape& shape, Stored type, std::initializer_list<const void*> addresses) {
  const int64_t bytes = type == Stored::bf16 ? 2 : 4;
  const auto& [token, group, head] = shape.strides;
  return fits(16, addresses, {shape.width * bytes, token * bytes, group * bytes, head * bytes});
}

}  // namespace

void rms_forward(const NormShape& shape, Array x, Array w, Array y, float* scales,
                 cudaStream_t stream) {
  if (shape.rows == 0) return;
  by_types(x.type, w.type, shape.width, aligned(shape, x.type, {x.data, w.data, y.data}),
           [&](auto t, auto u, auto lanes, auto pack) {
             using T = decltype(t);
             using W = decltype(u);
             forward<T, W, lanes.value, pack.value>
                 <<<blocks_for(shape.rows, kBlock / lanes.value), kBlock, 0, stream>>>(
                     shape, as<T>(x), as<W>(w), as<T>(y), scales);
           });
}

// As many as blocks can have rows, whatever the packs.
int rms_parts(const NormShape& shape) {
  const int64_t rows = shape.width <= kNarrow ? kBlock / kWarp : 1;
  return static_cast<int>(std::clamp<int64_t>((shape.rows + rows - 1) / rows, 1, kMostParts));
}

void rms_backward(const NormShape& shape, const RmsBackward& arrays, cudaStream_t stream) {
  const auto& [dy, x, w, plus, dx, scales, partial, dw] = arrays;
  const int parts = rms_parts(shape);
  by_types(x.type, w.type, shape.width,
           aligned(shape, x.type, {dy.data, x.data, w.data, plus.data, dx.data}),
           [&](auto t, auto u, auto lanes, auto pack) {
             using T = decltype(t);
             using W = decltype(u);
             const auto kernel = backward<T, W, lanes.value, pack.value>;
             const auto bytes =
                 static_cast<size_t>(shape.width) * (kBlock / lanes.value) * sizeof(float);
             if (bytes > 48 << 10)
               cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(bytes));
             kernel<<<parts, kBlock, bytes, stream>>>(
                 shape, as<T>(arrays.dy), as<T>(arrays.x), as<W>(arrays.w), as<T>(arrays.plus),
                 as<T>(arrays.dx), arrays.scales, arrays.partial);
           });
  add_parts<<<blocks_for(shape.width, kWarp), kBlock, 0, stream>>>(partial, parts, shape.width, dw);
}

}  // namespace bascule::cuda
