#include "base/interrupt.h"

#include <signal.h>

#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace bascule {
namespace {

// Global state: a signal has no other way to reach us.
std::atomic<int> caught_signal{0};
std::atomic<int> uninterrupted{0};  // how many live
static_assert(std::atomic<int>::is_always_lock_free);

void remember_signal(int signal) { caught_signal.store(signal); }

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // so that a second signal ends us
  for (const int signal : {SIGINT, SIGTERM})
    if (::sigaction(signal, &action, nullptr) != 0)
      fail(Kind::environment, "cannot install a handler for signal {}: error {}", signal, errno);
}

int interrupted_by() { return caught_signal.load(std::memory_order_relaxed); }

void check_interrupt() {
  const int signal = interrupted_by();
  if (signal == 0 || uninterrupted.load(std::memory_order_relaxed) > 0) [[likely]]
    return;
  fail(Kind::interrupted, "stopped by {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
}

Uninterrupted::Uninterrupted() { ++uninterrupted; }
Uninterrupted::~Uninterrupted() { --uninterrupted; }

}  // namespace bascule
