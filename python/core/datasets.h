// What bascule.data calls: indexed datasets as they are made, and what it is told.
#pragma once

#include <nanobind/nanobind.h>

namespace bascule::python {

/// Adds to the module DatasetBuild, ProgressLine, tokenizing(), tokenizer_directory() and
/// end_of_sequence().
void define_datasets(nanobind::module_& module);

}  // namespace bascule::python
