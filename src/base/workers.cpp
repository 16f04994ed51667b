#include "base/workers.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/interrupt.h"

namespace bascule {

void parallel(int threads, size_t count,
              const std::function<void(size_t index, int worker)>& work) {
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](int worker) {
    try {
      while (!stop.load()) {
        check_interrupt();  // before an index is taken: others may wait for its result
        const size_t index = next.fetch_add(1);
        if (index >= count) return;
        work(index, worker);
      }
    } catch (...) {
      stop.store(true);
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  };
  const size_t others = std::min(static_cast<size_t>(std::max(1, threads)), count) - (count > 0);
  {
    std::vector<std::jthread> pool;
    pool.reserve(others);
    try {
      for (size_t i = 0; i < others; ++i) pool.emplace_back(run, static_cast<int>(i) + 1);
    } catch (const std::system_error&) {
      // The system gives no more threads: those we have do all the work.
    }
    run(0);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace bascule
