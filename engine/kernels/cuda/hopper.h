// What kernels for compute capability 9.0 say in PTX: barriers in shared memory, bulk copies of
// parts of a matrix, blocks in clusters. Device code. PTX ISA, "Asynchronous barrier" and "Data
// movement and conversion".
#pragma once

#include <cuda.h>

#include <cstdint>

#include "kernels/cuda/device_code.h"

namespace bascule::cuda {

/// In shared memory: its phase ends when so many have arrived, and all bytes that they expect.
struct Barrier {
  uint64_t word;

  __device__ void begin(int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)),
                 "r"(arrivals));
  }
  __device__ void arrive_and_expect(int bytes) {
    asm volatile(
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)),
        "r"(bytes)
        : "memory");
  }
  /// At the same barrier of another block of the cluster, or of this one.
  __device__ void arrive_at(int block) {
    asm volatile(
        "{\n"
        ".reg .b32 there;\n"
        "mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [there];\n"
        "}" ::"r"(shared_address(this)),
        "r"(block)
        : "memory");
  }
  /// For the end of a phase of this parity, of which phases before it have been waited for.
  __device__ void wait(int parity) {
    asm volatile(
        "{\n"
        ".reg .pred ended;\n"
        "again: mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
        "@!ended bra again;\n"
        "}" ::"r"(shared_address(this)),
        "r"(parity)
        : "memory");
  }
};

/// Where in a ring of stages something is, and the parity of this round.
template <int kStages>
struct RingPlace {
  int at = 0, parity = 0;
  __device__ void next() {
    if (++at < kStages) return;
    at = 0;
    parity ^= 1;
  }
};

__device__ inline int cluster_rank() {
  int rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// By all threads of all blocks of the cluster.
__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

/// For so many threads of this block, whole warps, at a barrier of their own (0 is
/// __syncthreads()'s).
template <int kThreads>
__device__ inline void wait_for_threads(int barrier) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "n"(kThreads) : "memory");
}

/// A box of the matrix that `map` describes, at a column and a row, on its way; beyond the ends of
/// the matrix there are zeros. Its bytes arrive at `barrier`.
__device__ inline void copy_box(void* to, const CUtensorMap& map, int column, int row,
                                Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3}], [%4];" ::"r"(shared_address(to)),
      "l"(&map), "r"(column), "r"(row), "r"(shared_address(&barrier))
      : "memory");
}
/// The same into each block of the cluster whose bit is set, at the same place in each.
__device__ inline void copy_box_to(uint16_t blocks, void* to, const CUtensorMap& map, int column,
                                   int row, Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(shared_address(to)),
      "l"(&map), "r"(column), "r"(row), "r"(shared_address(&barrier)), "h"(blocks)
      : "memory");
}

}  // namespace bascule::cuda
