// Products of matrices by groups of four warps (wgmma), both operands in shared memory and turned
// on the way. Device code. PTX ISA, "Asynchronous warpgroup level matrix instructions".
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/hopper.h"

namespace bascule::cuda {

constexpr int kRow = 64;              // elements of a swizzled row, 128 bytes
constexpr int kDepth = 64;            // rows, along which products are summed up
constexpr int kPart = kDepth * kRow;  // of an operand: packs of 8 in a row are swapped by row
constexpr int kHigh = 64, kWide = 128, kStep = 16;  // of one product
constexpr int kSums = kWide / 2;                    // of a thread

/// How the unit finds a matrix of 16 rows at `at`, whose rows lie across.
__device__ inline uint64_t described(const bf16* at) {
  constexpr uint64_t kSwizzled = uint64_t{1} << 62;
  constexpr uint64_t kParts = kPart * sizeof(bf16) / 16, kEights = 8 * kRow * sizeof(bf16) / 16;
  return kSwizzled | kEights << 32 | kParts << 16 | (uint64_t{shared_address(at)} >> 4 & 0x3fff);
}

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
template <int kCount>
__device__ __forceinline__ void hold(float (&sums)[kCount][kSums]) {
#pragma unroll
  for (int m = 0; m < kCount; ++m)
#pragma unroll
    for (int i = 0; i < kSums; ++i) asm volatile("" : "+f"(sums[m][i])::"memory");
}

}  // namespace bascule::cuda
