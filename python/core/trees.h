// Values of settings between C++ and Python. To be called with the interpreter's lock held.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "settings/tree.h"

namespace bascule::python {

/// None, bool, int, float, str, tuple and dict.
nanobind::object object_of(const Tree& tree);

/// The reverse, also of lists, of what is a path, and of numpy's integers; none for objects of
/// other types, and for integers beyond 64 bits.
std::optional<Tree> tree_of(nanobind::handle object);

}  // namespace bascule::python
