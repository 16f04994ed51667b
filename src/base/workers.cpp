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
  const size_t most = std::min(static_cast<size_t>(std::max(1, threads)), count);
  parallel_until_done(static_cast<int>(most), [&](int worker) {
    const size_t index = next.fetch_add(1);
    if (index < count) work(index, worker);
    return index < count;
  });
}

void parallel_until_done(int threads, const std::function<bool(int worker)>& step) {
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](int worker) {
    try {
      while (!stop.load()) {
        check_interrupt();  // before work is taken: others may wait for its result
        if (!step(worker)) return;
      }
    } catch (...) {
      stop.store(true);
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  };
  const int others = std::max(1, threads) - 1;
  {
    std::vector<std::jthread> pool;
    pool.reserve(static_cast<size_t>(others));
    try {
      for (int i = 0; i < others; ++i) pool.emplace_back(run, i + 1);
    } catch (const std::system_error&) {
      // The system gives no more threads: those we have do all the work.
    }
    run(0);
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace bascule
