#include "kernels/memory_count.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <atomic>
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
  MemoryCount count() const { return {live_.load(), peak_.load()}; }

 private:
  std::atomic<int64_t> live_{0}, peak_{0};
};

Counter on_cpu, on_meta;

/// torch's own, between two counts. A block counts as what malloc gives for it.
struct CountedCpu final : at::Allocator {
  static void drop(void* memory) {
    on_cpu.add(-static_cast<int64_t>(malloc_usable_size(memory)));
    c10::free_cpu(memory);
  }
  at::DataPtr allocate(size_t bytes) override {
    void* memory = c10::alloc_cpu(bytes);
    on_cpu.add(static_cast<int64_t>(malloc_usable_size(memory)));
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
    constexpr uint8_t kAboveDefault = 1;
    static CountedCpu cpu;
    static CountedMeta meta;
    c10::SetAllocator(at::kCPU, &cpu, kAboveDefault);
    c10::SetAllocator(at::kMeta, &meta, kAboveDefault);
  });
}

MemoryCount cpu_memory() { return on_cpu.count(); }
MemoryCount meta_memory() { return on_meta.count(); }
void forget_meta_peak() { on_meta.forget(); }

}  // namespace bascule
