// What a working thread reports, kept for the thread that tells Python. Functions may be called
// from any thread; take() from one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bascule/reporter.h"

namespace bascule::python {

struct Event {
  enum class What { phase, advance, note, warn };
  What what = What::phase;
  std::string text;   ///< of all but advance
  int64_t bytes = 0;  ///< phase: in total; advance: more
};

/// Phases, notes and warnings wait until they have been told, so that an exception stops the work
/// before it goes on; advances do not, and add up meanwhile.
class Events final : public Reporter {
 public:
  void phase(std::string_view name, int64_t total_bytes) override;
  void advance(int64_t bytes) override;
  void note(std::string_view text) override;
  void warn(std::string_view text) override;

  /// The work has ended.
  void end();

  /// Moves what is to be told into `events`, after at most `patience`. False once the work has
  /// ended and everything is told.
  bool take(std::vector<Event>& events, std::chrono::milliseconds patience);
  /// What was taken has been told.
  void told();
  /// From now on whatever reports is stopped: it gets Error{interrupted, reason}.
  void stop(std::string reason);

 private:
  void tell(Event event);
  void refuse_if_stopped() const;

  std::mutex mutex_;  // guards all that follows
  std::condition_variable news_, answered_;
  std::vector<Event> events_;
  bool ended_ = false;
  int64_t sent_ = 0, told_ = 0, taken_ = 0;  // numbers of events that wait
  std::string stopped_;                      // why; empty: not stopped
};

}  // namespace bascule::python
