// SIGINT and SIGTERM caught, as catch_interrupts() does, for a part of what a process does.
#pragma once

#include <memory>

namespace bascule {

/// When it ends, the handlers that were there are back, and what was caught is forgotten. One at a
/// time.
class CaughtInterrupts {
 public:
  CaughtInterrupts();
  ~CaughtInterrupts();
  CaughtInterrupts(const CaughtInterrupts&) = delete;
  CaughtInterrupts& operator=(const CaughtInterrupts&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace bascule
