#include "base/interrupt.h"

#include <signal.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "base/caught_interrupt.h"
#include "base/check.h"

namespace bascule {
namespace {

// Global state: a signal has no other way to reach us.
std::atomic<int> caught_signal{0};
std::atomic<int> uninterrupted{0};  // how many live
static_assert(std::atomic<int>::is_always_lock_free);

void remember_signal(int signal) { caught_signal.store(signal); }

constexpr std::array kSignals = {SIGINT, SIGTERM};

void handle(int signal, const struct sigaction& action, struct sigaction* before) {
  if (::sigaction(signal, &action, before) != 0)
    fail(Kind::environment, "cannot install a handler for signal {}: error {}", signal, errno);
}

/// So that a second signal ends us.
struct sigaction remembering() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  return action;
}

}  // namespace

void catch_interrupts() {
  for (const int signal : kSignals) handle(signal, remembering(), nullptr);
}

struct CaughtInterrupt::Before {
  int signal;
  struct sigaction action {};
};

CaughtInterrupt::CaughtInterrupt(int signal) : before_(std::make_unique<Before>()) {
  before_->signal = signal;
  handle(signal, remembering(), &before_->action);
}

CaughtInterrupt::~CaughtInterrupt() {
  ::sigaction(before_->signal, &before_->action, nullptr);
  caught_signal.store(0);
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
