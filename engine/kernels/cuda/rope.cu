#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr int kThreads = 128;

// A block is a token's. A thread turns kPack pairs.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads)
    turn_pairs(HeadsShape shape, const T* in, T* out, Turn arrays) {
  const int64_t token = blockIdx.x;
  const int half = arrays.half, packs = half / kPack;
  const int rest = (shape.dim - 2 * half) / kPack, a_head = packs + rest;
  for (int i = threadIdx.x; i < shape.groups * shape.heads * a_head; i += kThreads) {
    const int head = i / a_head, part = i % a_head;
    const auto place = [&](const HeadsStrides& strides) {
      return token * strides.token + head / shape.heads * strides.group +
             head % shape.heads * strides.head;
    };
    const T* from = in + place(arrays.in_strides);
    T* to = out + place(arrays.out_strides);
    if (part >= packs) {  // what does not turn passes
      const int c = 2 * half + (part - packs) * kPack;
      store<kPack>(to + c, load<kPack>(from + c));
      continue;
    }
    const int c = part * kPack;
    const auto cosines = load<kPack>(arrays.cosines + token * half + c);
    const auto sines = load<kPack>(arrays.sines + token * half + c);
    const auto a = load<kPack>(from + c), b = load<kPack>(from + half + c);
    Pack<T, kPack> first, second;
    for (int k = 0; k < kPack; ++k) {
      const float sine = sines.at[k] * arrays.sign;
      first.at[k] = narrow<T>(wide(a.at[k]) * cosines.at[k] - wide(b.at[k]) * sine);
      second.at[k] = narrow<T>(wide(b.at[k]) * cosines.at[k] + wide(a.at[k]) * sine);
    }
    store<kPack>(to + c, first);
    store<kPack>(to + half + c, second);
  }
}

}  // namespace

void turn(const HeadsShape& shape, const Turn& arrays, cudaStream_t stream) {
  const auto tokens = static_cast<unsigned>(shape.tokens);
  if (tokens == 0) return;
  by_type(arrays.in.type, [&](auto t) {
    using T = decltype(t);
    constexpr auto kBytes = static_cast<int64_t>(sizeof(T));
    const HeadsStrides &a = arrays.in_strides, &b = arrays.out_strides;
    const bool aligned =
        fits(16, {arrays.in.data, arrays.out.data, arrays.cosines, arrays.sines},
             {a.token * kBytes, a.group * kBytes, a.head * kBytes, b.token * kBytes,
              b.group * kBytes, b.head * kBytes, arrays.half * kBytes, shape.dim * kBytes});
    if (aligned)
      turn_pairs<T, kFull<T>>
          <<<tokens, kThreads, 0, stream>>>(shape, as<T>(arrays.in), as<T>(arrays.out), arrays);
    else
      turn_pairs<T, 1>
          <<<tokens, kThreads, 0, stream>>>(shape, as<T>(arrays.in), as<T>(arrays.out), arrays);
  });
}

}  // namespace bascule::cuda
