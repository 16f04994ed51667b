#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

constexpr unsigned kAll = 0xffffffff;
constexpr float kTiny = 1e-20f;  // keeps the sum of chosen sigmoids from being zero

__device__ inline float warp_max(float x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kAll, x, step));
  return x;
}

/// Whole numbers above 0 that are ordered as floats are.
__device__ inline unsigned ordered(float x) {
  const unsigned bits = __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

// A warp is a token's; a lane has every 32nd expert.
template <class T, int kEach>
__global__ void __launch_bounds__(kBlock) choose(RouteShape shape, Route arrays, const T* logits) {
  const int64_t token = static_cast<int64_t>(blockIdx.x) * (kBlock / kWarp) + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (token >= shape.tokens) return;
  float scores[kEach];
  float most = -INFINITY;
  for (int i = 0; i < kEach; ++i) {
    const int e = i * kWarp + lane;
    scores[i] = e < shape.experts ? wide(logits[token * shape.experts + e]) : -INFINITY;
    most = fmaxf(most, scores[i]);
  }
  if (shape.sigmoid) {
    for (int i = 0; i < kEach; ++i) scores[i] = 1 / (1 + expf(-scores[i]));
  } else {
    most = warp_max(most);
    float sum = 0;
    for (int i = 0; i < kEach; ++i) sum += scores[i] = expf(scores[i] - most);
    sum = warp_sum(sum);
    for (int i = 0; i < kEach; ++i) scores[i] /= sum;
  }
  unsigned seen[kEach];  // 0: not to be chosen (again)
  for (int i = 0; i < kEach; ++i) {
    const int e = i * kWarp + lane;
    seen[i] = 0;
    if (e >= shape.experts) continue;
    arrays.scores[token * shape.experts + e] = scores[i];
    seen[i] = ordered(scores[i] + (arrays.bias ? arrays.bias[e] : 0.0f));
  }
  float own = 0, sum = 0;
  int expert = 0;
  for (int j = 0; j < shape.top_k; ++j) {
    unsigned best = 0;
    for (int i = 0; i < kEach; ++i) best = max(best, seen[i]);
    best = __reduce_max_sync(kAll, best);
    int chosen = INT32_MAX;
    for (int i = kEach; i-- > 0;)
      if (seen[i] == best && best != 0) chosen = i * kWarp + lane;
    chosen = __reduce_min_sync(kAll, chosen);
    if (shape.in_turn) chosen = static_cast<int>((token * shape.top_k + j) % shape.experts);
    float score = 0;
    for (int i = 0; i < kEach; ++i)
      if (i * kWarp + lane == chosen) {
        score = scores[i];
        seen[i] = 0;
      }
    score = __shfl_sync(kAll, score, chosen % kWarp);
    sum += score;
    if (lane == j) {
      own = score;
      expert = chosen;
    }
  }
  if (lane >= shape.top_k) return;
  if (shape.normalised) own /= sum + kTiny;
  arrays.experts[token * shape.top_k + lane] = expert;
  arrays.weights[token * shape.top_k + lane] = own * shape.scale;
}

// As above. A lane has a choice too.
template <int kEach>
__global__ void __launch_bounds__(kBlock) choose_backward(RouteShape shape, RouteBackward arrays) {
  const int64_t token = static_cast<int64_t>(blockIdx.x) * (kBlock / kWarp) + threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  if (token >= shape.tokens) return;
  const float* line = arrays.scores + token * shape.experts;
  float scores[kEach], dscores[kEach];
  for (int i = 0; i < kEach; ++i) {
    const int e = i * kWarp + lane;
    scores[i] = e < shape.experts ? line[e] : 0;
    dscores[i] = 0;
  }
  if (arrays.dweights) {
    const int64_t at = token * shape.top_k + lane;
    const bool there = lane < shape.top_k;
    const int expert = there ? static_cast<int>(arrays.experts[at]) : -1;
    float d = there ? arrays.dweights[at] * shape.scale : 0;
    if (shape.normalised) {
      const float sum = warp_sum(there ? line[expert] : 0) + kTiny;
      d -= warp_sum(there ? d * (arrays.weights[at] / shape.scale) : 0);
      d /= sum;
    }
    for (int j = 0; j < shape.top_k; ++j) {
      const int chosen = __shfl_sync(kAll, expert, j);
      const float own = __shfl_sync(kAll, d, j);
      for (int i = 0; i < kEach; ++i)
        if (i * kWarp + lane == chosen) dscores[i] = own;
    }
  } else {
    const float* chosen = arrays.chosen + token / arrays.group * shape.experts;
    for (int i = 0; i < kEach; ++i) {
      const int e = i * kWarp + lane;
      if (e < shape.experts) dscores[i] = chosen[e] * arrays.factor;
    }
    if (shape.sigmoid) {  // of scores made to sum to 1
      float sum = 0, product = 0;
      for (int i = 0; i < kEach; ++i) {
        sum += scores[i];
        product += scores[i] * dscores[i];
      }
      sum = warp_sum(sum) + kTiny;
      product = warp_sum(product) / sum;
      for (int i = 0; i < kEach; ++i) dscores[i] = (dscores[i] - product) / sum;
    }
  }
  float product = 0;
  for (int i = 0; i < kEach; ++i) product += scores[i] * dscores[i];
  product = warp_sum(product);
  for (int i = 0; i < kEach; ++i) {
    const int e = i * kWarp + lane;
    if (e < shape.experts)
      arrays.dlogits[token * shape.experts + e] =
          scores[i] * (shape.sigmoid ? dscores[i] * (1 - scores[i]) : dscores[i] - product);
  }
}

/// Calls `body` with how many experts a lane has.
template <class Body>
void by_experts(int experts, Body&& body) {
  if (experts <= kWarp)
    body(std::integral_constant<int, 1>{});
  else if (experts <= 4 * kWarp)
    body(std::integral_constant<int, 4>{});
  else
    body(std::integral_constant<int, kRoutedExperts / kWarp>{});
}

}  // namespace

void route(const RouteShape& shape, const Route& arrays, cudaStream_t stream) {
  const unsigned blocks = blocks_for(shape.tokens, kBlock / kWarp);
  if (blocks == 0) return;
  by_type(arrays.logits.type, [&](auto t) {
    using T = decltype(t);
    by_experts(shape.experts, [&](auto each) {
      choose<T, each()><<<blocks, kBlock, 0, stream>>>(shape, arrays, as<T>(arrays.logits));
    });
  });
}

void route_backward(const RouteShape& shape, const RouteBackward& arrays, cudaStream_t stream) {
  const unsigned blocks = blocks_for(shape.tokens, kBlock / kWarp);
  if (blocks == 0) return;
  by_experts(shape.experts, [&](auto each) {
    choose_backward<each()><<<blocks, kBlock, 0, stream>>>(shape, arrays);
  });
}

}  // namespace bascule::cuda
