#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

__device__ inline float sigmoid(float x) { return __fdividef(1, 1 + __expf(-x)); }

constexpr float kQuick = 1.702f;
constexpr float kTanhScale = 0.7978845608028654f;  // sqrt(2 / pi)
constexpr float kTanhCube = 0.044715f;
constexpr float kRootHalf = 0.7071067811865476f;
constexpr float kDensity = 0.3989422804014327f;  // of the normal distribution at 0

struct Point {
  float value, slope;
};

template <Curve kCurve>
__device__ inline Point at(float x) {
  if constexpr (kCurve == Curve::silu) {
    const float s = sigmoid(x);
    return {x * s, s * (1 + x * (1 - s))};
  } else if constexpr (kCurve == Curve::gelu) {
    const float below = 0.5f * (1 + erff(x * kRootHalf));
    return {x * below, below + x * kDensity * __expf(-0.5f * x * x)};
  } else if constexpr (kCurve == Curve::gelu_tanh) {
    const float t = tanhf(kTanhScale * (x + kTanhCube * x * x * x));
    return {0.5f * x * (1 + t),
            0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kTanhScale * (1 + 3 * kTanhCube * x * x)};
  } else if constexpr (kCurve == Curve::quick_gelu) {
    const float s = sigmoid(kQuick * x);
    return {x * s, s * (1 + x * kQuick * (1 - s))};
  } else if constexpr (kCurve == Curve::relu) {
    return {fmaxf(x, 0), x > 0 ? 1.0f : 0.0f};
  } else {
    static_assert(kCurve == Curve::relu2);
    return {fmaxf(x, 0) * fmaxf(x, 0), 2 * fmaxf(x, 0)};
  }
}

/// Calls `body` with the curve as a constant.
template <Curve... kAll, class Body>
void by_curve(Curve curve, Body&& body) {
  ((curve == kAll && (body(std::integral_constant<Curve, kAll>{}), true)) || ...);
}
template <class Body>
void by_every_curve(Curve curve, Body&& body) {
  by_curve<Curve::silu, Curve::gelu, Curve::gelu_tanh, Curve::quick_gelu, Curve::relu,
           Curve::relu2>(curve, body);
}

/// Threads of a row, and rows of a block: narrow rows are many to a block.
dim3 block_for(int64_t packs) {
  const unsigned across = packs <= kBlock / 2 ? kWarp : kBlock;
  return {across, kBlock / across};
}

// A block is of blockDim.y rows.
template <Curve kCurve, class T, int kPack>
__global__ void __launch_bounds__(kBlock) forward(ActivationShape shape, const T* x, T* y) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= shape.rows) return;
  const T* gate = x + row * shape.width * (shape.gated ? 2 : 1);
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += blockDim.x * kPack) {
    const auto a = load<kPack>(gate + c);
    Pack<T, kPack> up, out;
    if (shape.gated) up = load<kPack>(gate + shape.width + c);
    for (int k = 0; k < kPack; ++k)
      out.at[k] =
          narrow<T>(at<kCurve>(wide(a.at[k])).value * (shape.gated ? wide(up.at[k]) : 1.0f));
    store<kPack>(y + row * shape.width + c, out);
  }
}

template <Curve kCurve, class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    backward(ActivationShape shape, const T* dy, const T* x, T* dx) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= shape.rows) return;
  const int64_t place = row * shape.width * (shape.gated ? 2 : 1);
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += blockDim.x * kPack) {
    const auto d = load<kPack>(dy + row * shape.width + c);
    const auto a = load<kPack>(x + place + c);
    Pack<T, kPack> up, dgate, dup;
    if (shape.gated) up = load<kPack>(x + place + shape.width + c);
    for (int k = 0; k < kPack; ++k) {
      const Point point = at<kCurve>(wide(a.at[k]));
      const float out = wide(d.at[k]);
      dgate.at[k] = narrow<T>(out * (shape.gated ? wide(up.at[k]) : 1.0f) * point.slope);
      if (shape.gated) dup.at[k] = narrow<T>(out * point.value);
    }
    store<kPack>(dx + place + c, dgate);
    if (shape.gated) store<kPack>(dx + place + shape.width + c, dup);
  }
}

}  // namespace

void activation_forward(Curve curve, const ActivationShape& shape, Array x, Array y,
                        cudaStream_t stream) {
  if (shape.rows == 0) return;
  const auto run = [&]<class T, int kPack>(T, std::integral_constant<int, kPack>) {
    const dim3 block = block_for(shape.width / kPack);
    by_every_curve(curve, [&](auto one) {
      forward<one.value, T, kPack>
          <<<blocks_for(shape.rows, block.y), block, 0, stream>>>(shape, as<T>(x), as<T>(y));
    });
  };
  by_pack(x.type, {x.data, y.data}, shape.width, run);
}

void activation_backward(Curve curve, const ActivationShape& shape, Array dy, Array x, Array dx,
                         cudaStream_t stream) {
  if (shape.rows == 0) return;
  const auto run = [&]<class T, int kPack>(T, std::integral_constant<int, kPack>) {
    const dim3 block = block_for(shape.width / kPack);
    by_every_curve(curve, [&](auto one) {
      backward<one.value, T, kPack><<<blocks_for(shape.rows, block.y), block, 0, stream>>>(
          shape, as<T>(dy), as<T>(x), as<T>(dx));
    });
  };
  by_pack(x.type, {dy.data, x.data, dx.data}, shape.width, run);
}

}  // namespace bascule::cuda
