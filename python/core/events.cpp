#include "python/core/events.h"

#include <utility>

#include "base/check.h"

namespace bascule::python {

void Events::phase(std::string_view name, int64_t total_bytes) {
  tell({Event::What::phase, std::string(name), total_bytes});
}

void Events::note(std::string_view text) { tell({Event::What::note, std::string(text), 0}); }

void Events::warn(std::string_view text) { tell({Event::What::warn, std::string(text), 0}); }

void Events::advance(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  refuse_if_stopped();
  if (!events_.empty() && events_.back().what == Event::What::advance)
    events_.back().bytes += bytes;
  else
    events_.push_back({Event::What::advance, {}, bytes});
}

void Events::tell(Event event) {
  std::unique_lock lock(mutex_);
  refuse_if_stopped();
  events_.push_back(std::move(event));
  const int64_t number = ++sent_;
  news_.notify_one();
  answered_.wait(lock, [&] { return told_ >= number || !stopped_.empty(); });
  refuse_if_stopped();
}

void Events::refuse_if_stopped() const {
  if (!stopped_.empty()) [[unlikely]]
    fail(Kind::interrupted, "{}", stopped_);
}

void Events::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  news_.notify_one();
}

bool Events::take(std::vector<Event>& events, std::chrono::milliseconds patience) {
  events.clear();
  std::unique_lock lock(mutex_);
  news_.wait_for(lock, patience, [&] { return ended_ || sent_ > told_; });
  std::swap(events, events_);
  taken_ = sent_;
  return !ended_ || !events.empty();
}

void Events::told() {
  const std::lock_guard lock(mutex_);
  told_ = taken_;
  answered_.notify_all();
}

void Events::stop(std::string reason) {
  const std::lock_guard lock(mutex_);
  stopped_ = std::move(reason);
  answered_.notify_all();
}

}  // namespace bascule::python
