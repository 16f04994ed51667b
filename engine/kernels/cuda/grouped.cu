#include "kernels/cuda/device_code.h"
#include "kernels/cuda/grouped_tile.h"

namespace bascule::cuda {
namespace {

// A quarter of the tile is a warp's. Both operands lie by rows, along which products are summed up,
// so that both are turned on their way to registers.
constexpr int kDepth = 32, kStages = 4, kThreads = 128;
constexpr int kQuarter = kTile / 2;
constexpr int kHigh = 16, kBroad = 8, kStep = 16;  // of one product of matrices

struct Stage {
  bf16 left[kDepth * kTile], right[kDepth * kTile];
};

constexpr int kPackSize = kFull<bf16>;

/// Where a tile's element is: packs of 8 are swapped by row, so that no two of 8 rows' share a
/// bank.
__device__ inline int place_of(int row, int column) {
  return row * kTile + ((column / kPackSize) ^ (row % 8)) * kPackSize;
}

/// Four 8 x 8 blocks, each turned; a lane names a row of one.
__device__ inline void load_turned(unsigned (&to)[4], const bf16* tile, int row, int column) {
  const unsigned from = shared_address(tile + place_of(row, column));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from));
}

__device__ inline void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Sets rows [row, row + kDepth) and kTile columns of a matrix on their way; beyond its ends there
/// are zeros.
__device__ inline void fetch(bf16* to, const void* from, const GroupedTile& tile, int row,
                             int columns, int column) {
  constexpr int kPerRow = kTile / kPackSize;
  const bf16* const begin = static_cast<const bf16*>(from) + int64_t{tile.begin} * columns;
#pragma unroll
  for (int i = 0; i < kDepth * kPerRow / kThreads; ++i) {
    const int id = i * kThreads + static_cast<int>(threadIdx.x);
    const int r = id / kPerRow, c = id % kPerRow * kPackSize;
    const bool there = row + r < tile.rows && column + c < columns;
    const bf16* source = there ? begin + int64_t{row + r} * columns + column + c : begin;
    const unsigned target = shared_address(to + place_of(r, c));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source),
                 "r"(there ? 16 : 0));
  }
}

using Sums = float[kQuarter / kHigh][kQuarter / kBroad][4];

__device__ __forceinline__ void multiply_stage(Sums& sums, const Stage& stage, int high,
                                               int broad) {
  const int lane = threadIdx.x % kWarp, block = lane / 8, line = lane % 8;
#pragma unroll
  for (int k = 0; k < kDepth; k += kStep) {
    unsigned left[kQuarter / kHigh][4], right[kQuarter / kStep][4];
#pragma unroll
    for (int m = 0; m < kQuarter / kHigh; ++m)
      load_turned(left[m], stage.left, k + block / 2 * 8 + line, high + m * kHigh + block % 2 * 8);
#pragma unroll
    for (int n = 0; n < kQuarter / kStep; ++n)
      load_turned(right[n], stage.right, k + block % 2 * 8 + line,
                  broad + n * kStep + block / 2 * 8);
#pragma unroll
    for (int m = 0; m < kQuarter / kHigh; ++m)
#pragma unroll
      for (int n = 0; n < kQuarter / kBroad; ++n)
        multiply(sums[m][n], left[m], right[n / 2][n % 2 * 2], right[n / 2][n % 2 * 2 + 1]);
  }
}

__global__ void __launch_bounds__(kThreads, 2) add_products(GroupedProducts arrays) {
  extern __shared__ __align__(128) unsigned char memory[];
  Stage* const stages = reinterpret_cast<Stage*>(memory);
  const int across = tiles_of(arrays.in, kTile);
  const int id = static_cast<int>(blockIdx.x), expert = static_cast<int>(blockIdx.y);
  const GroupedTile tile(arrays, expert, id / across * kTile, id % across * kTile);
  if (tile.idle(arrays)) return;
  const int steps = (tile.rows + kDepth - 1) / kDepth;
  const auto begin_step = [&](int step) {
    if (step < steps) {
      Stage& stage = stages[step % kStages];
      fetch(stage.left, arrays.dy, tile, step * kDepth, arrays.out, tile.top);
      fetch(stage.right, arrays.x, tile, step * kDepth, arrays.in, tile.side);
    }
    asm volatile("cp.async.commit_group;");
  };
  const int warp = threadIdx.x / kWarp;
  const int high = warp / 2 * kQuarter, broad = warp % 2 * kQuarter;
  Sums sums = {};
  for (int step = 0; step < kStages - 1; ++step) begin_step(step);
  for (int step = 0; step < steps; ++step) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2) : "memory");
    __syncthreads();  // this step is there for all, and all are done with the one before
    begin_step(step + kStages - 1);
    multiply_stage(sums, stages[step % kStages], high, broad);
  }
  double squares = 0;
#pragma unroll
  for (int m = 0; m < kQuarter / kHigh; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      squares += add_rows<kQuarter>(arrays, tile, high + m * kHigh + half * 8, broad,
                                    [&](int n, int i) { return sums[m][n][half * 2 + i]; });
  if (!arrays.squares) return;
  squares = row_sum<kThreads>(squares);
  if (threadIdx.x == 0) *squares_of(arrays, expert, id) = squares;
}

}  // namespace

void add_grouped_products(const GroupedProducts& arrays, cudaStream_t stream) {
  constexpr int kBytes = kStages * sizeof(Stage);
  cudaFuncSetAttribute(add_products, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  const auto tiles =
      static_cast<unsigned>(tiles_of(arrays.in, kTile) * tiles_of(arrays.out, kTile));
  if (tiles == 0 || arrays.experts == 0) return;
  const dim3 grid(tiles, static_cast<unsigned>(arrays.experts));
  add_products<<<grid, kThreads, kBytes, stream>>>(arrays);
}

}  // namespace bascule::cuda
