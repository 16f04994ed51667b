// The settings of a training run for Python: bascule._core.Configuration, and what recipes there
// are.
#pragma once

#include <nanobind/nanobind.h>

namespace bascule::python {

/// Adds the class and the functions to bascule._core.
void add_configuration(nanobind::module_& module);

}  // namespace bascule::python
