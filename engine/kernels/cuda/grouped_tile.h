// What the kernels of grouped products have alike: a block's tile of an expert's gradient, and how
// sums are added. Device code.
#pragma once

#include "kernels/cuda/device_code.h"

namespace bascule::cuda {

constexpr int kTile = 128;  // columns of the gradient, a block's

/// A tile of an expert's gradient, and of which rows it is made.
struct GroupedTile {
  int begin, rows;  // of the expert
  int top, side;    // of the tile in the gradient
  float* gradient;

  __device__ GroupedTile(const GroupedProducts& arrays, int expert, int top, int side)
      : begin(expert == 0 ? 0 : arrays.ends[expert - 1]),
        rows(arrays.ends[expert] - begin),
        top(top),
        side(side),
        gradient(arrays.gradients + expert * arrays.apart) {}

  /// Whether nothing is to be done.
  __device__ bool idle(const GroupedProducts& arrays) const {
    return rows == 0 && !arrays.overwrites && !arrays.squares;
  }
};

/// How many tiles of so many rows or columns there are.
__host__ __device__ inline int tiles_of(int size, int each) { return (size + each - 1) / each; }

/// Where the sum of squares of a tile of an expert is stored.
__device__ inline double* squares_of(const GroupedProducts& arrays, int expert, int tile) {
  return arrays.squares + expert * arrays.squares_each + tile;
}

/// Adds, or writes, a warp's sums of eight rows: `sum(n, i)`, i < 2, are neighbours, 8 columns
/// after those of n - 1, of the lane's row. Rows and columns count from the tile's. Returns the sum
/// of the squares that the lane's gradients then have, where these are wanted.
template <int kColumns, class Sum>
__device__ __forceinline__ float add_rows(const GroupedProducts& arrays, const GroupedTile& tile,
                                          int row, int column, const Sum& sum) {
  using Quad = Pack<float, 4>;
  constexpr int kCount = kColumns / 16;
  const int lane = threadIdx.x % kWarp;
  // Lanes exchange pairs, so that each stores four neighbours.
  const bool odd = lane % 2;
  row += tile.top + lane / 4;
  column += tile.side + odd * 8 + lane % 4 / 2 * 4;
  float* line = tile.gradient + static_cast<int64_t>(row) * arrays.in + column;
  const int columns = row < arrays.out ? arrays.in - column : 0;
  float squares = 0;
  Quad quads[kCount] = {};
#pragma unroll
  for (int n = 0; n < kCount; ++n)
    if (!arrays.overwrites && n * 16 < columns) quads[n] = load<4>(line + n * 16);
#pragma unroll
  for (int n = 0; n < kCount; ++n) {
    float mine[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float even_sum = sum(n * 2, i), odd_sum = sum(n * 2 + 1, i);
      const float other = __shfl_xor_sync(~0u, odd ? even_sum : odd_sum, 1);
      mine[i] = odd ? other : even_sum;
      mine[2 + i] = odd ? odd_sum : other;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      quads[n].at[i] += mine[i];
      if (arrays.squares) squares += quads[n].at[i] * quads[n].at[i];
    }
    if (n * 16 < columns) store<4>(line + n * 16, quads[n]);
  }
  return squares;
}

}  // namespace bascule::cuda
