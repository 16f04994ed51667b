// What tensors take: those of the CPU, and meta tensors, which have sizes and no memory. Of the
// CPU's large blocks it keeps what is free for the next tensor of the size, so that steps neither
// scatter over malloc's heap nor wait for pages to be cleared. Thread-safe.
#pragma once

#include <cstdint>

namespace bascule {

struct MemoryCount {
  int64_t live = 0, peak = 0;  // bytes
  int64_t kept = 0;            // that are free; live + kept <= peak
};

/// From here on tensors of the CPU and meta tensors are counted; before it, none. Calls after the
/// first do nothing.
void count_memory();

MemoryCount cpu_memory();
MemoryCount meta_memory();
void forget_meta_peak();  // the peak is what is live now

/// Gives blocks that are free back to the system: after what will not come again.
void release_kept_memory();

}  // namespace bascule
