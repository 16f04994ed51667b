// The façade's structs as the dataclasses of bascule/reports.py, field by field under the same
// names. To be called with the interpreter's lock held.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "bascule/bridge.h"
#include "cli/machine.h"
#include "cli/tokenizing.h"
#include "data/dataset_tools.h"

namespace bascule::python {

nanobind::object value(const Outcome& outcome);
nanobind::object value(const Report& report);
nanobind::object value(const SelfCheck& check);
nanobind::object value(const Inspection& seen);
nanobind::object value(const PlanListing& plan);
nanobind::object value(const std::vector<FamilyInfo>& families);
nanobind::object value(const cli::Machine& machine);
nanobind::object value(const std::vector<DatasetSummary>& datasets);
nanobind::object value(const cli::Tokenizing& told);

}  // namespace bascule::python
