#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>

namespace bascule::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kLogEvery = std::chrono::seconds(10);

}  // namespace

Progress::Progress(Terminal terminal, bool quiet) : terminal_(terminal), quiet_(quiet), next_(0) {}

Progress::~Progress() { finish(); }

void Progress::phase(std::string_view name, int64_t total_bytes) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  moment_ = {.phase = printable(name), .total = total_bytes};
  began_ = sampled_ = now;
  sampled_done_ = 0;
  done_.store(0);
  if (terminal_.live) next_.store(0);
  show(now);
}

void Progress::advance(int64_t bytes) {
  done_.fetch_add(bytes, std::memory_order_relaxed);
  const Clock::time_point now = Clock::now();
  if (now.time_since_epoch().count() < next_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);  // another thread draws already
  if (lock.owns_lock()) show(now);
}

void Progress::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!quiet_) print("bascule: " + printable(text));
}

void Progress::warn(std::string_view text) {
  const std::lock_guard lock(mutex_);
  warnings_.emplace_back(text);
  print("bascule: " + terminal_.yellow("warning:") + " " + printable(text));
}

void Progress::draw(const std::string& name, double part, const std::vector<std::string>& facts) {
  const std::lock_guard lock(mutex_);
  if (quiet_ || !terminal_.live || !due(Clock::now())) return;
  put(live_line(printable(name), part, facts, columns_of(STDERR_FILENO) - 1));
}

void Progress::above(const std::function<void()>& write) {
  const std::lock_guard lock(mutex_);
  erase();
  write();
  if (terminal_.live) next_.store(0);
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  erase();
}

bool Progress::warned(const std::string& text) const {
  const std::lock_guard lock(mutex_);
  return std::find(warnings_.begin(), warnings_.end(), text) != warnings_.end();
}

bool Progress::due(Clock::time_point now) {
  if (now.time_since_epoch().count() < next_.load()) return false;
  next_.store((now + (terminal_.live ? Clock::duration(kRedraw) : Clock::duration(kLogEvery)))
                  .time_since_epoch()
                  .count());
  return true;
}

void Progress::show(Clock::time_point now) {
  if (quiet_ || moment_.phase.empty() || !due(now)) return;
  moment_.done = done_.load();
  moment_.seconds = std::chrono::duration<double>(now - began_).count();
  const double passed = std::chrono::duration<double>(now - sampled_).count();
  if (passed > 0.05) {
    const double late = static_cast<double>(moment_.done - sampled_done_) / passed;
    const double weight = std::min(1.0, passed / 2);  // smoothed over about two seconds
    moment_.rate = moment_.rate == 0 ? late : moment_.rate + weight * (late - moment_.rate);
    sampled_ = now;
    sampled_done_ = moment_.done;
  }
  if (!terminal_.live) return say("bascule: " + log_line(moment_) + "\n");
  // One column less than there are: a full line would wrap on some terminals.
  put(live_line(moment_, columns_of(STDERR_FILENO) - 1));
}

void Progress::put(const std::string& line) {
  say("\r" + line + "\x1b[K");
  drawn_ = true;
}

void Progress::print(const std::string& line) {
  erase();
  say(line + "\n");
}

void Progress::erase() {
  if (drawn_) say("\r\x1b[K");
  drawn_ = false;
}

}  // namespace bascule::cli
