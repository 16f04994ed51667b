#include <cudaTypedefs.h>

#include <algorithm>

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/grouped_tile.h"
#include "kernels/cuda/hopper.h"
#include "kernels/cuda/turned_products.h"

namespace bascule::cuda {
namespace {

// As the kernel for every GPU, but made for compute capability 9.0: groups of four warps multiply
// (wgmma), which takes both operands from shared memory, turned on the way; a thread of one more
// keeps a ring of stages full by bulk copies, also while sums are stored. A block goes from tile to
// tile. What bounds this is the second-level cache, so tiles are large, and two neighbours across,
// a cluster, share the operand that both need: each copies half of it, into both.
constexpr int kStages = 4;
constexpr int kGroups = 2, kGroup = 4 * kWarp;
constexpr int kThreads = (kGroups + 1) * kGroup;
constexpr int kFetcherRegisters = 40, kRegisters = 232;  // of a thread; as many as there are
constexpr int kCluster = 2;
constexpr int kTop = kGroups * kTile;  // rows of a block's tile; kTile are a group's
static_assert(kTile == kWide);

/// The operands' parts.
struct Stage {
  bf16 left[kTop / kRow][kPart], right[kTile / kRow][kPart];
};
struct Memory {
  Stage stages[kStages];
  Barrier full[kStages], empty[kStages];
  double squares[2][kGroups * kGroup / kWarp];  // of this tile and the one before, of each warp
};
constexpr int kAlignment = 1024;  // of what is swizzled
static_assert(sizeof(Stage) % kAlignment == 0);

using Sums = float[kTile / kHigh][kSums];

/// Products of the group's half of the left operand with the right one, on their way.
__device__ __forceinline__ void multiply_stage(Sums& sums, const Stage& stage, int group) {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int k = 0; k < kDepth; k += kStep) {
    const uint64_t across = described(stage.right[0] + k * kRow);
#pragma unroll
    for (int m = 0; m < kTile / kHigh; ++m)
      multiply(sums[m], described(stage.left[group * 2 + m] + k * kRow), across);
  }
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Waits until at most so many stages of products are on their way.
template <int kStill>
__device__ __forceinline__ void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kStill) : "memory");
}

/// Zeros in place of the rows from `rows` on, which are another expert's, by a group.
__device__ inline void clear_rest(Stage& stage, int group, int rows) {
  const auto clear = [rows](bf16* part) {
    constexpr int kPack = kFull<bf16>;
    for (int i = rows * kRow + threadIdx.x % kGroup * kPack; i < kPart; i += kGroup * kPack)
      store<kPack>(part + i, {});
  };
  for (int i = 0; i < 2; ++i) {
    clear(stage.left[group * 2 + i]);
    clear(stage.right[i]);  // by both groups
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  wait_for_threads<kGroup>(1 + group);
}

/// What a block makes: tiles of clusters, one after the other. Blocks of one have tiles of the same
/// rows, next to each other; one may lie beyond the gradient.
struct Tiles {
  const GroupedProducts& arrays;
  int across, each, count;  // clusters': in a row of an expert's, of an expert, of all
  int id = static_cast<int>(blockIdx.x) / kCluster;

  __device__ bool more() const { return id < count; }
  __device__ void next() { id += static_cast<int>(gridDim.x) / kCluster; }
  __device__ GroupedTile tile(int rank) const {
    const int here = id % each;
    return {arrays, id / each, here / across * kTop, (here % across * kCluster + rank) * kTile};
  }
};

__host__ __device__ inline int clusters_across(int in) { return tiles_of(in, kTile * kCluster); }
__host__ __device__ inline int clusters_of(const GroupedProducts& arrays) {
  return clusters_across(arrays.in) * tiles_of(arrays.out, kTop);
}

__device__ inline Tiles tiles_of_block(const GroupedProducts& arrays) {
  const int each = clusters_of(arrays);
  return {arrays, clusters_across(arrays.in), each, each * arrays.experts};
}

/// By one thread: fills stages as they become empty.
__device__ inline void fetch_tiles(const CUtensorMap& left, const CUtensorMap& right, Tiles tiles,
                                   Memory& memory, int rank) {
  constexpr uint16_t kBoth = (1 << kCluster) - 1;
  RingPlace<kStages> place;
  for (; tiles.more(); tiles.next()) {
    const GroupedTile tile = tiles.tile(rank);
    for (int row = 0; row < tile.rows; row += kDepth, place.next()) {
      Stage& stage = memory.stages[place.at];
      Barrier& full = memory.full[place.at];
      memory.empty[place.at].wait(place.parity ^ 1);
      full.arrive_and_expect(sizeof(Stage));
#pragma unroll
      for (int i = 0; i < kTop / kRow; i += kCluster)
        copy_box_to(kBoth, stage.left[i + rank], left, tile.top + (i + rank) * kRow,
                    tile.begin + row, full);
#pragma unroll
      for (int i = 0; i < kTile / kRow; ++i)
        copy_box(stage.right[i], right, tile.side + i * kRow, tile.begin + row, full);
    }
  }
}

/// By the groups that multiply.
__device__ __forceinline__ void make_tiles(Tiles tiles, Memory& memory, int rank) {
  const int group = threadIdx.x / kGroup, warp = threadIdx.x / kWarp;
  const int lane = threadIdx.x % kWarp;
  int turn = 0;
  RingPlace<kStages> place;
  for (; tiles.more(); tiles.next()) {
    const GroupedTile tile = tiles.tile(rank);
    if (tile.idle(tiles.arrays)) continue;
    Sums sums = {};
    hold(sums);
    int last = 0;  // the stage before
    const auto release = [&] {
      if (lane < kCluster) memory.empty[last].arrive_at(lane);
    };
    const auto add_stage = [&](bool first) {
      multiply_stage(sums, memory.stages[place.at], group);
      wait_for_products<1>();
      if (!first) release();
      last = place.at;
      place.next();
    };
    const int whole = tile.rows / kDepth * kDepth;
    for (int row = 0; row < whole; row += kDepth) {
      memory.full[place.at].wait(place.parity);
      add_stage(row == 0);
    }
    if (whole < tile.rows) {
      memory.full[place.at].wait(place.parity);
      clear_rest(memory.stages[place.at], group, tile.rows - whole);
      add_stage(whole == 0);
    }
    wait_for_products<0>();
    hold(sums);
    if (tile.rows > 0) release();
    double squares = 0;
#pragma unroll
    for (int m = 0; m < kTile / kHigh; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        squares += add_rows<kTile>(tiles.arrays, tile,
                                   group * kTile + m * kHigh + warp % 4 * 16 + half * 8, 0,
                                   [&](int n, int i) { return sums[m][n * 4 + half * 2 + i]; });
    if (!tiles.arrays.squares) continue;
    squares = warp_sum(squares);
    double(&of_warps)[kGroups * kGroup / kWarp] = memory.squares[turn ^= 1];
    if (lane == 0) of_warps[warp] = squares;
    wait_for_threads<kGroups * kGroup>(kGroups + 1);
    if (threadIdx.x > 0) continue;
    squares = 0;
    for (const double each : of_warps) squares += each;
    *squares_of(tiles.arrays, tiles.id / tiles.each, tiles.id % tiles.each * kCluster + rank) =
        squares;
  }
}

__global__ void __launch_bounds__(kThreads, 1)
    add_products(const __grid_constant__ CUtensorMap left,
                 const __grid_constant__ CUtensorMap right, GroupedProducts arrays) {
  extern __shared__ __align__(kAlignment) unsigned char bytes[];
  Memory& memory = *reinterpret_cast<Memory*>(bytes);
  if (threadIdx.x == 0) {
    for (int i = 0; i < kStages; ++i) {
      memory.full[i].begin(1);
      memory.empty[i].begin(kCluster * kGroups * 4);  // a lane of each warp that reads
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  cluster_sync();
  const int rank = cluster_rank();
  const Tiles tiles = tiles_of_block(arrays);
  if (threadIdx.x < kGroups * kGroup) {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
    make_tiles(tiles, memory, rank);
  } else {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kFetcherRegisters));
    if (threadIdx.x == kGroups * kGroup) fetch_tiles(left, right, tiles, memory, rank);
  }
  __syncwarp();
  cluster_sync();  // a block's memory is there until the other has arrived for the last time
}

/// What the current device says of itself.
int says(cudaDeviceAttr what) {
  int device = 0, value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, what, device);
  return value;
}

/// The driver's function that describes a tensor; null: it has none.
PFN_cuTensorMapEncodeTiled_v12000 driver_encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  const cudaError_t asked = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                             12000, cudaEnableDefault, &found);
  const bool there = asked == cudaSuccess && found == cudaDriverEntryPointSuccess;
  return there ? reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function) : nullptr;
}

/// Describes a matrix of bf16, of which boxes of kDepth rows are copied. False: it cannot be.
bool describe(CUtensorMap* map, const void* data, int64_t rows, int columns) {
  static const auto encode = driver_encoder();
  if (encode == nullptr) return false;
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {sizes[0] * sizeof(bf16)};
  const cuuint32_t box[] = {kRow, kDepth}, steps[] = {1, 1};
  return encode(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<void*>(data), sizes, strides,
                box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

}  // namespace

bool add_grouped_products_hopper(const GroupedProducts& arrays, cudaStream_t stream) {
  if (says(cudaDevAttrComputeCapabilityMajor) != 9 || says(cudaDevAttrComputeCapabilityMinor) != 0)
    return false;
  CUtensorMap left, right;
  if (arrays.rows == 0 || !describe(&left, arrays.dy, arrays.rows, arrays.out) ||
      !describe(&right, arrays.x, arrays.rows, arrays.in))
    return false;
  constexpr int kBytes = sizeof(Memory);
  cudaFuncSetAttribute(add_products, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  cudaLaunchAttribute cluster{.id = cudaLaunchAttributeClusterDimension};
  cluster.val.clusterDim = {kCluster, 1, 1};
  cudaLaunchConfig_t config{.gridDim = kCluster,
                            .blockDim = kThreads,
                            .dynamicSmemBytes = kBytes,
                            .stream = stream,
                            .attrs = &cluster,
                            .numAttrs = 1};
  int most = 0;  // clusters at a time
  if (cudaOccupancyMaxActiveClusters(&most, add_products, &config) != cudaSuccess || most == 0)
    return false;
  const int count = arrays.experts * clusters_of(arrays);
  config.gridDim = static_cast<unsigned>(std::min(count, most) * kCluster);
  if (count > 0) cudaLaunchKernelEx(&config, add_products, left, right, arrays);
  return true;
}

}  // namespace bascule::cuda
