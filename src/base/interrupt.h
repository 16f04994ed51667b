// SIGINT and SIGTERM as an Error: a handler sets a flag, and long work asks for it between pieces.
// All functions may be called from any thread.
#pragma once

namespace bascule {

/// Installs handlers for SIGINT and SIGTERM. A second signal of the same number ends the process
/// at once. Without this call nothing is ever interrupted.
void catch_interrupts();

/// Returns the signal that asked us to stop, or 0.
int interrupted_by();

/// Throws Error{interrupted} once a signal has asked us to stop, unless an Uninterrupted lives.
void check_interrupt();

/// While one lives, work goes on after a signal: its owner asks interrupted_by(), and stops where
/// it suits.
class Uninterrupted {
 public:
  Uninterrupted();
  ~Uninterrupted();
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
};

}  // namespace bascule
