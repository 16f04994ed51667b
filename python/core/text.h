// Text between C++ and Python. To be called with the interpreter's lock held.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <string_view>

namespace bascule::python {

/// UTF-8 as a str; bytes that are none become surrogates, as os.fsdecode() has them.
nanobind::str text(std::string_view utf8);

/// A str as UTF-8.
std::string utf8(nanobind::handle text);

/// A path, given as str, bytes or os.PathLike. `name` is the argument's, for messages.
std::string path(nanobind::handle given, std::string_view name);

}  // namespace bascule::python
