// What the kernels of grouped products have alike: a block's tile of an expert's gradient, how its
// operands are fetched, and how the sums are added. Device code.
#pragma once

#include "kernels/cuda/device_code.h"

namespace bascule::cuda {

constexpr int kTile = 128;  // columns of the gradient, a block's

/// A tile of an expert's gradient, and what it is made of.
struct GroupedTile {
  int rows;       // of the expert
  int top, side;  // of the tile in the gradient
  const bf16 *dy, *x;
  float* gradient;

  __device__ GroupedTile(const GroupedProducts& arrays, int expert, int top, int side)
      : top(top), side(side), gradient(arrays.gradients + expert * arrays.apart) {
    const int begin = expert == 0 ? 0 : arrays.ends[expert - 1];
    rows = arrays.ends[expert] - begin;
    dy = static_cast<const bf16*>(arrays.dy) + static_cast<int64_t>(begin) * arrays.out;
    x = static_cast<const bf16*>(arrays.x) + static_cast<int64_t>(begin) * arrays.in;
  }

  /// The gradient at a row and a column that count from the tile's.
  __device__ float* at(const GroupedProducts& arrays, int row, int column) const {
    return gradient + static_cast<int64_t>(top + row) * arrays.in + side + column;
  }

  /// Whether nothing is to be done.
  __device__ bool idle(const GroupedProducts& arrays) const {
    return rows == 0 && !arrays.overwrites && !arrays.squares;
  }
};

/// How many tiles of so many rows or columns there are.
__host__ __device__ inline int tiles_of(int size, int each) { return (size + each - 1) / each; }

/// Stores the block's sum of squares, where these are wanted.
template <int kThreads>
__device__ inline void keep_squares(const GroupedProducts& arrays, int tile, double own) {
  if (!arrays.squares) return;
  own = row_sum<kThreads>(own);
  if (threadIdx.x == 0) arrays.squares[tile] = own;
}

/// Sets rows [row, row + kDepth) and columns [column, column + kColumns) of a matrix on their way
/// to where `place` says; beyond its ends there are zeros.
template <int kDepth, int kColumns, int kThreads, class Place>
__device__ inline void fetch_tile(const bf16* from, int rows, int row, int columns, int column,
                                  const Place& place) {
  constexpr int kPack = kFull<bf16>, kPerRow = kColumns / kPack;
#pragma unroll
  for (int i = 0; i < kDepth * kPerRow / kThreads; ++i) {
    const int id = i * kThreads + static_cast<int>(threadIdx.x);
    const int r = id / kPerRow, c = id % kPerRow * kPack;
    const bool there = row + r < rows && column + c < columns;
    const bf16* source = there ? from + static_cast<int64_t>(row + r) * columns + column + c : from;
    const auto target = static_cast<unsigned>(__cvta_generic_to_shared(place(r, c)));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
                 "r"(there ? 16 : 0));
  }
}

/// Adds, or writes, a lane's sums of one row: `sum(n, i)`, i < 2, are neighbours, 8 columns after
/// those of n - 1. Rows and columns count from the tile's. Returns the sum of the squares that the
/// gradients then have, where these are wanted.
template <int kColumns, class Sum>
__device__ __forceinline__ float add_row(const GroupedProducts& arrays, const GroupedTile& tile,
                                         int row, int column, const Sum& sum) {
  using Pair = Pack<float, 2>;
  constexpr int kCount = kColumns / 8;
  const int lane = threadIdx.x % kWarp;
  row += lane / 4;
  column += lane % 4 * 2;
  if (tile.top + row >= arrays.out) return 0;
  float* line = tile.at(arrays, row, column);
  const int columns = arrays.in - tile.side - column;
  float squares = 0;
  Pair pairs[kCount] = {};
#pragma unroll
  for (int n = 0; n < kCount; ++n)
    if (!arrays.overwrites && n * 8 < columns) pairs[n] = load<2>(line + n * 8);
#pragma unroll
  for (int n = 0; n < kCount; ++n) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float x = pairs[n].at[i] + sum(n, i);
      pairs[n].at[i] = x;
      if (arrays.squares) squares += x * x;
    }
    if (n * 8 < columns) store<2>(line + n * 8, pairs[n]);
  }
  return squares;
}

}  // namespace bascule::cuda
