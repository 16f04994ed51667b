// bascule._engine.train: a run of the engine's loop in which Python takes part.
#pragma once

#include <nanobind/nanobind.h>

namespace bascule::python {

void bind_training(nanobind::module_& module);

}  // namespace bascule::python
