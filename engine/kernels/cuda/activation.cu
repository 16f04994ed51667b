#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

__device__ inline float sigmoid(float x) { return 1 / (1 + __expf(-x)); }

constexpr float kQuick = 1.702f;
constexpr float kTanhScale = 0.7978845608028654f;  // sqrt(2 / pi)
constexpr float kTanhCube = 0.044715f;
constexpr float kRootHalf = 0.7071067811865476f;
constexpr float kDensity = 0.3989422804014327f;  // of the normal distribution at 0

__device__ inline float apply(Curve curve, float x) {
  switch (curve) {
    case Curve::silu:
      return x * sigmoid(x);
    case Curve::gelu:
      return x * 0.5f * (1 + erff(x * kRootHalf));
    case Curve::gelu_tanh:
      return 0.5f * x * (1 + tanhf(kTanhScale * (x + kTanhCube * x * x * x)));
    case Curve::quick_gelu:
      return x * sigmoid(kQuick * x);
    case Curve::relu:
      return fmaxf(x, 0);
    default:
      return fmaxf(x, 0) * fmaxf(x, 0);
  }
}

__device__ inline float slope(Curve curve, float x) {
  switch (curve) {
    case Curve::silu: {
      const float s = sigmoid(x);
      return s * (1 + x * (1 - s));
    }
    case Curve::gelu:
      return 0.5f * (1 + erff(x * kRootHalf)) + x * kDensity * __expf(-0.5f * x * x);
    case Curve::gelu_tanh: {
      const float t = tanhf(kTanhScale * (x + kTanhCube * x * x * x));
      return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kTanhScale * (1 + 3 * kTanhCube * x * x);
    }
    case Curve::quick_gelu: {
      const float s = sigmoid(kQuick * x);
      return s * (1 + x * kQuick * (1 - s));
    }
    case Curve::relu:
      return x > 0 ? 1 : 0;
    default:
      return 2 * fmaxf(x, 0);
  }
}

/// Threads of a row, and rows of a block: narrow rows are many to a block.
dim3 block_for(int64_t packs) {
  const unsigned across = packs <= kBlock / 2 ? kWarp : kBlock;
  return {across, kBlock / across};
}

// A block is of blockDim.y rows.
template <class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    forward(Curve curve, ActivationShape shape, const T* x, T* y) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= shape.rows) return;
  const T* gate = x + row * shape.width * (shape.gated ? 2 : 1);
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += blockDim.x * kPack) {
    const auto a = load<kPack>(gate + c);
    Pack<T, kPack> up, out;
    if (shape.gated) up = load<kPack>(gate + shape.width + c);
    for (int k = 0; k < kPack; ++k)
      out.at[k] = narrow<T>(apply(curve, wide(a.at[k])) * (shape.gated ? wide(up.at[k]) : 1.0f));
    store<kPack>(y + row * shape.width + c, out);
  }
}

template <class T, int kPack>
__global__ void __launch_bounds__(kBlock)
    backward(Curve curve, ActivationShape shape, const T* dy, const T* x, T* dx) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= shape.rows) return;
  const int64_t at = row * shape.width * (shape.gated ? 2 : 1);
  for (int64_t c = threadIdx.x * kPack; c < shape.width; c += blockDim.x * kPack) {
    const auto d = load<kPack>(dy + row * shape.width + c);
    const auto a = load<kPack>(x + at + c);
    Pack<T, kPack> up, dgate, dup;
    if (shape.gated) up = load<kPack>(x + at + shape.width + c);
    for (int k = 0; k < kPack; ++k) {
      const float z = wide(a.at[k]), out = wide(d.at[k]);
      dgate.at[k] = narrow<T>(out * (shape.gated ? wide(up.at[k]) : 1.0f) * slope(curve, z));
      if (shape.gated) dup.at[k] = narrow<T>(out * apply(curve, z));
    }
    store<kPack>(dx + at + c, dgate);
    if (shape.gated) store<kPack>(dx + at + shape.width + c, dup);
  }
}

}  // namespace

void activation_forward(Curve curve, const ActivationShape& shape, Array x, Array y,
                        cudaStream_t stream) {
  if (shape.rows == 0) return;
  const auto run = [&]<class T, int kPack>(T, std::integral_constant<int, kPack>) {
    const dim3 block = block_for(shape.width / kPack);
    forward<T, kPack>
        <<<blocks_for(shape.rows, block.y), block, 0, stream>>>(curve, shape, as<T>(x), as<T>(y));
  };
  by_pack(x.type, {x.data, y.data}, shape.width, run);
}

void activation_backward(Curve curve, const ActivationShape& shape, Array dy, Array x, Array dx,
                         cudaStream_t stream) {
  if (shape.rows == 0) return;
  const auto run = [&]<class T, int kPack>(T, std::integral_constant<int, kPack>) {
    const dim3 block = block_for(shape.width / kPack);
    backward<T, kPack><<<blocks_for(shape.rows, block.y), block, 0, stream>>>(
        curve, shape, as<T>(dy), as<T>(x), as<T>(dx));
  };
  by_pack(x.type, {dy.data, x.data, dx.data}, shape.width, run);
}

}  // namespace bascule::cuda
