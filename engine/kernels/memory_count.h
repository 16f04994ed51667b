// What tensors take: those of the CPU, and meta tensors, which have sizes and no memory.
// Thread-safe.
#pragma once

#include <cstdint>

namespace bascule {

struct MemoryCount {
  int64_t live = 0, peak = 0;  // bytes
};

/// From here on tensors of the CPU and meta tensors are counted; before it, none. Calls after the
/// first do nothing.
void count_memory();

MemoryCount cpu_memory();
MemoryCount meta_memory();
void forget_meta_peak();  // the peak is what is live now

}  // namespace bascule
