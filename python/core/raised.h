// Errors on their way from C++ to Python.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>

#include "cli/failure.h"

namespace bascule::python {

/// Runs `work` without the interpreter's lock. Whatever it throws becomes an Error.
template <class Work>
auto unlocked(Work work) {
  const nanobind::gil_scoped_release released;
  try {
    return work();
  } catch (...) {
    throw cli::failure_of(std::current_exception());
  }
}

/// Raises an Error as the class of bascule/errors.py for its kind: an extension registers it with
/// nb::register_exception_translator.
void raise(const std::exception_ptr& thrown, void*);

}  // namespace bascule::python
