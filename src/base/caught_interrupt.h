// A signal caught, as catch_interrupts() does, for a part of what a process does.
#pragma once

#include <memory>

namespace bascule {

/// When it ends, the handler that was there is back, and what was caught is forgotten. One at a
/// time.
class CaughtInterrupt {
 public:
  explicit CaughtInterrupt(int signal);
  ~CaughtInterrupt();
  CaughtInterrupt(const CaughtInterrupt&) = delete;
  CaughtInterrupt& operator=(const CaughtInterrupt&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace bascule
