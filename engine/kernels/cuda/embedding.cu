#include "kernels/cuda/device_code.h"

namespace bascule::cuda {
namespace {

// The block of the first of equal tokens adds up the rows of all of them, in order.
template <class T>
__global__ void __launch_bounds__(kBlock) add_rows(EmbeddingBackward arrays, const T* dy) {
  const int64_t first = blockIdx.x, token = arrays.tokens[first];
  if (first > 0 && arrays.tokens[first - 1] == token) return;
  int64_t end = first + 1;
  while (end < arrays.count && arrays.tokens[end] == token) ++end;
  float* row = arrays.gradient + token * arrays.width;
  for (int64_t c = threadIdx.x; c < arrays.width; c += kBlock) {
    float sum = 0;
    for (int64_t i = first; i < end; ++i)
      sum += wide(dy[arrays.order[i] * arrays.width + c]) * arrays.factor;
    row[c] += sum;
  }
}

}  // namespace

void embedding_backward(const EmbeddingBackward& arrays, cudaStream_t stream) {
  if (arrays.count == 0) return;
  by_type(arrays.dy.type, [&](auto t) {
    using T = decltype(t);
    add_rows<T>
        <<<static_cast<unsigned>(arrays.count), kBlock, 0, stream>>>(arrays, as<T>(arrays.dy));
  });
}

}  // namespace bascule::cuda
