// Progress on stderr: one live line on a terminal, in a log a plain line at most every ten seconds.
// All functions of Progress may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bascule/reporter.h"
#include "cli/terminal.h"

namespace bascule::cli {

/// Where a stretch of work stands.
struct Moment {
  std::string phase;
  int64_t done = 0, total = 0;  ///< bytes; total 0: not known
  double seconds = 0;           ///< since the phase began
  double rate = 0;              ///< bytes a second of late
};

/// "NAME  [=====>    ]  FACT  FACT", cut to `columns`: the first facts, as many as fit, and a bar
/// of `part` of the work, from 0 to 1, where it is known and there is room.
std::string live_line(const std::string& name, std::optional<double> part,
                      const std::vector<std::string>& facts, int columns);
/// "copying [=====>    ]  48%  1.2 of 2.5 GB  1.31 GB/s  1.02 s left", cut to `columns`.
std::string live_line(const Moment& moment, int columns);
/// The same without a bar.
std::string log_line(const Moment& moment);

class Progress final : public Reporter {
 public:
  /// With `quiet` only warnings are shown.
  Progress(Terminal terminal, bool quiet);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void phase(std::string_view name, int64_t total_bytes) override;
  void advance(int64_t bytes) override;
  void note(std::string_view text) override;
  void warn(std::string_view text) override;

  /// Draws the live line of work that is no matter of bytes; elsewhere than on a terminal nothing.
  void draw(const std::string& name, double part, const std::vector<std::string>& facts);
  /// Runs what writes lines, with the live line out of their way. The next draw() is seen at once.
  void above(const std::function<void()>& write);
  /// Takes the live line off the terminal.
  void finish();
  /// Whether this warning has been shown.
  bool warned(const std::string& text) const;

 private:
  using Clock = std::chrono::steady_clock;

  bool due(Clock::time_point now);
  void show(Clock::time_point now);
  void put(const std::string& line);
  void print(const std::string& line);  ///< above the live line
  void erase();

  const Terminal terminal_;
  const bool quiet_;
  std::atomic<int64_t> done_{0};
  std::atomic<Clock::rep> next_;  ///< when the next line is due

  mutable std::mutex mutex_;  // guards what follows
  Moment moment_;
  Clock::time_point began_, sampled_;
  int64_t sampled_done_ = 0;
  bool drawn_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace bascule::cli
