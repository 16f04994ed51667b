#include "kernels/memory_count.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <atomic>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>

namespace bascule {
namespace {

class Counter {
 public:
  void add(int64_t bytes) {
    const int64_t now = live_.fetch_add(bytes) + bytes;
    int64_t most = peak_.load();
    while (most < now && !peak_.compare_exchange_weak(most, now)) {
    }
  }
  void forget() { peak_ = live_.load(); }
  MemoryCount count() const { return {.live = live_.load(), .peak = peak_.load()}; }

 private:
  std::atomic<int64_t> live_{0}, peak_{0};
};

Counter on_cpu, on_meta;

constexpr int64_t kLarge = int64_t{1} << 18;  // malloc maps such blocks one by one

int64_t size_of(void* memory) { return static_cast<int64_t>(malloc_usable_size(memory)); }

/// Large blocks that are free.
class Kept {
 public:
  /// One for a tensor of `bytes`; nullptr: a new one, for which there is room below the peak.
  void* take(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.lower_bound(bytes);
    if (found == blocks_.end() || found->first > bytes + kLoose) {
      while (!blocks_.empty() && over_peak(bytes)) free_one(std::prev(blocks_.end()));
      return nullptr;
    }
    bytes_ -= found->first;
    return blocks_.extract(found).mapped();
  }
  void keep(void* memory) {
    const std::lock_guard lock(mutex_);
    bytes_ += size_of(memory);
    blocks_.emplace(size_of(memory), memory);
  }
  void release() {
    const std::lock_guard lock(mutex_);
    while (!blocks_.empty()) free_one(blocks_.begin());
  }
  int64_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  static constexpr int64_t kLoose = 8192;  // that a block may be larger than asked for: pages

  bool over_peak(int64_t bytes) const {
    const MemoryCount now = on_cpu.count();
    return now.live + bytes_ + bytes > now.peak;
  }
  void free_one(std::multimap<int64_t, void*>::iterator block) {
    bytes_ -= block->first;
    c10::free_cpu(block->second);
    blocks_.erase(block);
  }

  std::mutex mutex_;
  std::multimap<int64_t, void*> blocks_;  // by size
  int64_t bytes_ = 0;
};

/// Outlives all tensors.
Kept& kept() {
  static Kept& blocks = *new Kept;
  return blocks;
}

/// torch's own, between two counts. A block counts as what malloc gives for it.
struct CountedCpu final : at::Allocator {
  static void drop(void* memory) {
    const int64_t bytes = size_of(memory);
    if (bytes >= kLarge)
      kept().keep(memory);
    else
      c10::free_cpu(memory);
    on_cpu.add(-bytes);
  }
  at::DataPtr allocate(size_t bytes) override {
    const auto wanted = static_cast<int64_t>(bytes);
    void* memory = wanted >= kLarge ? kept().take(wanted) : nullptr;
    if (!memory) memory = c10::alloc_cpu(bytes);
    on_cpu.add(size_of(memory));
    return {memory, memory, &drop, at::kCPU};
  }
  at::DeleterFnPtr raw_deleter() const override { return &drop; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

/// No memory, but a note of how much it would be, in whole blocks of GPUs' allocator.
struct CountedMeta final : at::Allocator {
  static void drop(void* note) {
    const std::unique_ptr<int64_t> bytes(static_cast<int64_t*>(note));
    on_meta.add(-*bytes);
  }
  at::DataPtr allocate(size_t bytes) override {
    constexpr int64_t kBlock = 512;
    auto note =
        std::make_unique<int64_t>((static_cast<int64_t>(bytes) + kBlock - 1) / kBlock * kBlock);
    on_meta.add(*note);
    return {nullptr, note.release(), &drop, at::kMeta};
  }
  at::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void*, const void*, size_t) const override {}
};

}  // namespace

void count_memory() {
  static std::once_flag once;
  std::call_once(once, [] {
    mallopt(M_MMAP_THRESHOLD, static_cast<int>(kLarge));
    constexpr uint8_t kAboveDefault = 1;
    static CountedCpu cpu;
    static CountedMeta meta;
    c10::SetAllocator(at::kCPU, &cpu, kAboveDefault);
    c10::SetAllocator(at::kMeta, &meta, kAboveDefault);
  });
}

MemoryCount cpu_memory() {
  MemoryCount now = on_cpu.count();
  now.kept = kept().bytes();
  return now;
}
MemoryCount meta_memory() { return on_meta.count(); }
void forget_meta_peak() { on_meta.forget(); }
void release_kept_memory() { kept().release(); }

}  // namespace bascule
