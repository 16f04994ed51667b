#include <algorithm>

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/grouped_tile.h"

namespace bascule::cuda {
namespace {

// As the kernel for every GPU, but made for compute capability 9.0: groups of four warps multiply
// (wgmma), which takes both operands from shared memory, turned on the way. A block goes from tile
// to tile, and fetches the next one's operands while it stores the last one's sums. Tiles are large
// because the second-level cache is what the products wait for. PTX ISA, "Asynchronous warpgroup
// level matrix instructions".
constexpr int kDepth = 64, kStages = 4;
constexpr int kGroups = 2, kThreads = kGroups * 4 * kWarp;
constexpr int kTop = kGroups * kTile;  // rows of a block's tile; kTile are a group's
constexpr int kRow = 64;               // elements of a swizzled row, 128 bytes
constexpr int kPart = kDepth * kRow;   // of an operand
constexpr int kHigh = 64, kStep = 16;  // of one product of matrices, kTile wide
constexpr int kSums = kTile / 2;       // of a thread, in each

struct Stage {
  bf16 left[kDepth * kTop], right[kDepth * kTile];
};
constexpr int kAlignment = 1024;  // of what is swizzled
static_assert(sizeof(Stage) % kAlignment == 0);

/// Where a tile's element is: by parts of 64 columns; in a row of one, packs of 8 are swapped.
__device__ inline int place_of(int row, int column) {
  constexpr int kPack = kFull<bf16>;
  return column / kRow * kPart + row * kRow + (column % kRow / kPack ^ row % 8) * kPack;
}

/// How the unit finds a matrix of 16 rows at `at`, whose rows lie across, swizzled by 128 bytes.
__device__ inline uint64_t described(const bf16* at) {
  constexpr uint64_t kSwizzled = uint64_t{1} << 62;
  constexpr uint64_t kParts = kPart * sizeof(bf16) / 16, kEights = 8 * kRow * sizeof(bf16) / 16;
  const auto address = static_cast<uint64_t>(__cvta_generic_to_shared(at));
  return kSwizzled | kEights << 32 | kParts << 16 | (address >> 4 & 0x3fff);
}

using Sums = float[kTile / kHigh][kSums];

#define BASCULE_SUMS(i) "+f"(sum[i]), "+f"(sum[i + 1]), "+f"(sum[i + 2]), "+f"(sum[i + 3])
#define BASCULE_SUMS16(i) \
  BASCULE_SUMS(i), BASCULE_SUMS(i + 4), BASCULE_SUMS(i + 8), BASCULE_SUMS(i + 12)

/// sum += left right^T, on its way.
__device__ __forceinline__ void multiply(float (&sum)[kSums], uint64_t left, uint64_t right) {
  asm volatile(
      "{\n"
      ".reg .pred adds;\n"
      "setp.eq.u32 adds, 0, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, adds, 1, 1, 1, 1;\n"
      "}"
      : BASCULE_SUMS16(0), BASCULE_SUMS16(16), BASCULE_SUMS16(32), BASCULE_SUMS16(48)
      : "l"(left), "l"(right));
}

/// Keeps the compiler from moving what it does with the sums to where they are on their way.
__device__ __forceinline__ void hold(Sums& sums) {
#pragma unroll
  for (int m = 0; m < kTile / kHigh; ++m)
#pragma unroll
    for (int i = 0; i < kSums; ++i) asm volatile("" : "+f"(sums[m][i])::"memory");
}

/// `left` is the group's.
__device__ __forceinline__ void multiply_stage(Sums& sums, const bf16* left, const bf16* right) {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int k = 0; k < kDepth; k += kStep) {
    const uint64_t across = described(right + k * kRow);
#pragma unroll
    for (int m = 0; m < kTile / kHigh; ++m)
      multiply(sums[m], described(left + m * kPart + k * kRow), across);
  }
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

__device__ inline GroupedTile tile_at(const GroupedProducts& arrays, int id) {
  const int across = tiles_of(arrays.in, kTile), down = tiles_of(arrays.out, kTop);
  return {arrays, id / across / down, id / across % down * kTop, id % across * kTile};
}

/// Steps of a block's tiles, one after the other, are set on their way.
struct Fetches {
  const GroupedProducts& arrays;
  Stage* stages;
  int count;  // tiles of all experts
  int id, row = 0, place = 0;
  GroupedTile tile;

  __device__ Fetches(const GroupedProducts& arrays, Stage* stages, int count)
      : arrays(arrays),
        stages(stages),
        count(count),
        id(static_cast<int>(blockIdx.x)),
        tile(tile_at(arrays, id)) {}

  __device__ void next() {
    while (row >= tile.rows && id < count) {
      id += static_cast<int>(gridDim.x);
      row = 0;
      if (id < count) tile = tile_at(arrays, id);
    }
    if (id < count) {
      Stage& stage = stages[place];
      fetch_tile<kDepth, kTop, kThreads>(tile.dy, tile.rows, row, arrays.out, tile.top,
                                         [&](int r, int c) { return stage.left + place_of(r, c); });
      fetch_tile<kDepth, kTile, kThreads>(
          tile.x, tile.rows, row, arrays.in, tile.side,
          [&](int r, int c) { return stage.right + place_of(r, c); });
    }
    row += kDepth;
    place = (place + 1) % kStages;
    asm volatile("cp.async.commit_group;");
  }
};

__global__ void __launch_bounds__(kThreads, 1) add_products(GroupedProducts arrays, int count) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  extern __shared__ __align__(kAlignment) unsigned char memory[];
  Stage* const stages = reinterpret_cast<Stage*>(memory);
  const int group = threadIdx.x / (4 * kWarp), warp = threadIdx.x / kWarp % 4;
  Fetches fetches(arrays, stages, count);
  for (int i = 0; i < kStages - 2; ++i) fetches.next();
  int place = 0;
  for (int id = static_cast<int>(blockIdx.x); id < count; id += static_cast<int>(gridDim.x)) {
    const GroupedTile tile = tile_at(arrays, id);
    if (tile.idle(arrays)) continue;
    Sums sums = {};
    hold(sums);
    for (int row = 0; row < tile.rows; row += kDepth) {
      asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 3) : "memory");
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
      __syncthreads();  // this step is there for all, and all are done with the one before the last
      fetches.next();
      multiply_stage(sums, stages[place].left + 2 * group * kPart, stages[place].right);
      place = (place + 1) % kStages;
      asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
    }
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    hold(sums);
    double squares = 0;
#pragma unroll
    for (int m = 0; m < kTile / kHigh; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        squares += add_row<kTile>(arrays, tile, group * kTile + m * kHigh + warp * 16 + half * 8, 0,
                                  [&](int n, int i) { return sums[m][n * 4 + half * 2 + i]; });
    keep_squares<kThreads>(arrays, id, squares);
  }
#endif
}

/// What the current device says of itself.
int says(cudaDeviceAttr what) {
  int device = 0, value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, what, device);
  return value;
}

}  // namespace

bool is_hopper() {
  return says(cudaDevAttrComputeCapabilityMajor) == 9 &&
         says(cudaDevAttrComputeCapabilityMinor) == 0;
}

void add_grouped_products_hopper(const GroupedProducts& arrays, cudaStream_t stream) {
  constexpr int kBytes = kStages * sizeof(Stage);
  cudaFuncSetAttribute(add_products, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  const int count = arrays.experts * tiles_of(arrays.in, kTile) * tiles_of(arrays.out, kTop);
  if (count == 0) return;
  const int blocks = std::min(count, says(cudaDevAttrMultiProcessorCount));
  add_products<<<blocks, kThreads, kBytes, stream>>>(arrays, count);
}

}  // namespace bascule::cuda
