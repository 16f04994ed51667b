// A conversion under Python: the work runs on a thread of its own, which never holds the
// interpreter's lock, and the thread that asked for it answers Python meanwhile: it tells a
// listener what happens and sees to signals, so that Ctrl-C and exceptions of callbacks stop the
// work. Several may run at once, called from different threads.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>

#include "bascule/reporter.h"

namespace bascule::python {

/// What the caller wants to see of a conversion.
struct Listening {
  nanobind::object listener;  ///< an object with phase(), advance(), note() and warn()
  bool line = false;          ///< show the command line's progress on stderr instead
};

/// Runs `work`; returns when it has ended. Throws its Error; or what a listener or a handler of
/// signals raised, with a note that says how the work ended.
void attend(const Listening& listening, const std::function<void(Reporter&)>& work);

}  // namespace bascule::python
