// Threads over an indexed queue.
#pragma once

#include <cstddef>
#include <functional>

namespace bascule {

/// Runs `work(index, worker)` for each index in [0, count), in ascending order of start, on
/// `threads` threads numbered from 0 (the caller's own is one of them). Returns when all are done.
/// The first exception stops the handing out of further indices and is rethrown here; so is an
/// interrupt (interrupt.h), which is asked for before each index.
void parallel(int threads, size_t count, const std::function<void(size_t index, int worker)>& work);

/// The same without a count: calls `step(worker)` on each thread until it says that nothing is
/// left.
void parallel_until_done(int threads, const std::function<bool(int worker)>& step);

}  // namespace bascule
