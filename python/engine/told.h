// A Reporter that tells a Python listener on the thread that made it, which called from Python and
// has let go of the interpreter's lock.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <string_view>
#include <thread>

#include "bascule/reporter.h"

namespace bascule::python {

/// Throws what a handler of signals raises, for instance KeyboardInterrupt, where one waits.
void check_signals();

class Told final : public Reporter {
 public:
  /// `listener` has phase(), advance(), note() and warn(). To be made and ended with the
  /// interpreter's lock held.
  explicit Told(nanobind::object listener);

  void phase(std::string_view name, int64_t total_bytes) override;
  /// Of other threads the listener hears when the one that made this advances, too.
  void advance(int64_t bytes) override;
  void note(std::string_view text) override;
  void warn(std::string_view text) override;

 private:
  nanobind::object listener_;
  std::thread::id home_ = std::this_thread::get_id();
  std::atomic<int64_t> bytes_{0};
};

}  // namespace bascule::python
