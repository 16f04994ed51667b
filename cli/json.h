// Results as JSON text: one object each, indented, with a line end. Pure functions; bytes that are
// not UTF-8 are replaced.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bascule/bridge.h"
#include "cli/machine.h"
#include "data/dataset_tools.h"

namespace bascule::cli {

std::string error_json(std::string_view kind, std::string_view message, int exit);
std::string outcome_json(const Outcome& outcome, const Options& options, int64_t peak_memory);
std::string report_json(const Report& report);
std::string self_check_json(const SelfCheck& check);
std::string inspection_json(const Inspection& seen, bool tensors);
std::string plan_json(const PlanListing& plan);
std::string models_json(const std::vector<FamilyInfo>& families);
std::string machine_json(const Machine& machine);
std::string dataset_list_json(const std::vector<DatasetSummary>& datasets);
std::string dataset_check_json(const std::vector<DatasetCheck>& checks);

}  // namespace bascule::cli
