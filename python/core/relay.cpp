#include "python/core/relay.h"

#include <signal.h>
#include <unistd.h>

#include <optional>
#include <system_error>
#include <thread>

#include "base/check.h"
#include "cli/failure.h"
#include "cli/progress.h"
#include "python/core/events.h"
#include "python/core/text.h"

namespace bascule::python {
namespace {

namespace nb = nanobind;

constexpr auto kPatience = std::chrono::milliseconds(50);  // between two looks at signals

/// While one lives, threads that are started leave signals to those that were there: what waits in
/// a system call is not disturbed. A thread's own faults are not left to anyone.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

std::jthread started(const std::function<void()>& work) {
  const SignalsBlocked blocked;
  try {
    return std::jthread(work);
  } catch (const std::system_error& error) {
    fail(Kind::environment, "the system gives no more threads: {}", error.what());
  }
}

/// The command line's progress for all but warnings, which go through Python.
class Shown final : public Reporter {
 public:
  explicit Shown(Events& events) : events_(events) {}
  void phase(std::string_view name, int64_t total_bytes) override {
    events_.phase(name, total_bytes);
    line_.phase(name, total_bytes);
  }
  void advance(int64_t bytes) override {
    events_.advance(bytes);
    line_.advance(bytes);
  }
  void note(std::string_view text) override {
    events_.note(text);
    line_.note(text);
  }
  void warn(std::string_view text) override {
    line_.finish();
    events_.warn(text);
  }

 private:
  Events& events_;
  cli::Progress line_{cli::look_at(STDERR_FILENO), false};
};

/// Whatever leaves attend() early does not leave the worker waiting for an answer.
struct Stopping {
  Events& events;
  ~Stopping() { events.stop("stopped"); }
};

void tell(const nb::object& listener, const Event& event) {
  switch (event.what) {
    case Event::What::phase:
      listener.attr("phase")(text(event.text), event.bytes);
      return;
    case Event::What::advance:
      listener.attr("advance")(event.bytes);
      return;
    case Event::What::note:
      listener.attr("note")(text(event.text));
      return;
    case Event::What::warn:
      listener.attr("warn")(text(event.text));
      return;
  }
}

/// Says on an exception, where Python has a place for it (3.11 on), how the work ended.
void add_note(const nb::python_error& raised, const Error& failure) {
  const nb::handle exception = raised.value();
  if (nb::hasattr(exception, "add_note")) exception.attr("add_note")(text(failure.what()));
}

}  // namespace

void attend(const Listening& listening, const std::function<void(Reporter&)>& work) {
  Events events;
  std::optional<Error> failure;
  std::optional<nb::python_error> raised;
  std::jthread worker = started([&] {
    try {
      if (listening.line) {
        Shown shown(events);
        work(shown);
      } else {
        work(events);
      }
    } catch (...) {
      failure = cli::failure_of(std::current_exception());
    }
    events.end();
  });

  const Stopping otherwise{events};
  std::vector<Event> taken;
  const auto more = [&] {
    const nb::gil_scoped_release unlocked;
    return events.take(taken, kPatience);
  };
  while (more()) {
    if (!raised) {
      try {
        if (::PyErr_CheckSignals() != 0) throw nb::python_error();
        for (const Event& event : taken) tell(listening.listener, event);
      } catch (nb::python_error& error) {
        raised.emplace(error);
        events.stop("stopped by " + utf8(raised->type().attr("__name__")));
      }
    }
    events.told();
  }
  worker.join();
  if (raised) {
    if (failure) add_note(*raised, *failure);
    throw std::move(*raised);
  }
  if (failure) throw *failure;
}

}  // namespace bascule::python
