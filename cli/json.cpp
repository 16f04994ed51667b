#include "cli/json.h"

#include <nlohmann/json.hpp>

namespace bascule::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json row(const TensorReport& tensor) {
  Json out = {{"verdict", name(tensor.verdict)},
              {"name", tensor.name},
              {"first_tensor", tensor.first_tensor},
              {"second_tensor", tensor.second_tensor},
              {"first_dtype", tensor.first_dtype},
              {"second_dtype", tensor.second_dtype},
              {"shape", tensor.shape},
              {"elements", tensor.elements}};
  if (tensor.verdict == TensorReport::Verdict::differs) {
    if (!tensor.second_shape.empty()) out["second_shape"] = tensor.second_shape;
    out["differing"] = tensor.differing;
    out["first_at"] = tensor.first_at;
    out["first_value"] = tensor.first_value;
    out["second_value"] = tensor.second_value;
  }
  out["hash"] = tensor.hash;
  return out;
}

Json counts(const Report& report) {
  using Verdict = TensorReport::Verdict;
  Json out;
  for (const Verdict verdict : {Verdict::equal, Verdict::differs, Verdict::absent, Verdict::extra})
    out[std::string(name(verdict))] = report.count(verdict);
  return out;
}

Json summary(const DatasetSummary& dataset) {
  return {{"prefix", dataset.prefix},       {"documents", dataset.documents},
          {"sequences", dataset.sequences}, {"tokens", dataset.tokens},
          {"dtype", name(dataset.type)},    {"bytes", dataset.bytes},
          {"multimodal", dataset.has_modes}};
}

}  // namespace

std::string error_json(std::string_view kind, std::string_view message, int exit) {
  return text({{"error", {{"kind", kind}, {"message", message}, {"exit", exit}}}});
}

std::string outcome_json(const Outcome& outcome, const Options& options, int64_t peak_memory) {
  Json steps = Json::array();
  for (const Step& step : outcome.steps)
    steps.push_back({{"name", step.name}, {"bytes", step.bytes}, {"seconds", step.seconds}});
  return text({{"target", outcome.target},
               {"family", outcome.family},
               {"dry_run", options.dry_run},
               {"parameters", outcome.parameters},
               {"tensors_read", outcome.tensors_read},
               {"tensors_written", outcome.tensors_written},
               {"bytes_written", outcome.bytes_written},
               {"steps", steps},
               {"peak_memory", peak_memory},
               {"verified", outcome.verified},
               {"compared", counts(outcome.report)},
               {"notes", outcome.report.notes},
               {"warnings", outcome.warnings},
               {"ignored_keys", outcome.ignored_keys}});
}

std::string report_json(const Report& report) {
  Json tensors = Json::array();
  for (const TensorReport& tensor : report.tensors) tensors.push_back(row(tensor));
  return text({{"equal", report.equal()},
               {"elements", report.elements()},
               {"counts", counts(report)},
               {"difference", report.difference},
               {"notes", report.notes},
               {"tensors", tensors}});
}

std::string self_check_json(const SelfCheck& check) {
  return text({{"sound", check.problems.empty()},
               {"has_manifest", check.has_manifest},
               {"files", check.files},
               {"tensors", check.tensors},
               {"problems", check.problems}});
}

std::string inspection_json(const Inspection& seen, bool tensors) {
  Json facts = Json::object();
  for (const auto& [fact, value] : seen.facts) facts[fact] = value;
  Json out = {{"path", seen.path},       {"format", seen.format},
              {"family", seen.family},   {"architecture", seen.architecture},
              {"facts", facts},          {"parameters", seen.parameters},
              {"bytes", seen.bytes},     {"files", seen.files},
              {"objects", seen.objects}, {"bytes_by_dtype", seen.bytes_by_dtype},
              {"notes", seen.notes}};
  if (!tensors) return text(out);
  out["tensors"] = Json::array();
  for (const StoredTensor& tensor : seen.tensors)
    out["tensors"].push_back({{"name", tensor.name},
                              {"dtype", tensor.dtype},
                              {"shape", tensor.shape},
                              {"bytes", tensor.bytes},
                              {"chunks", tensor.chunks}});
  return text(out);
}

std::string plan_json(const PlanListing& plan) {
  return text({{"family", plan.family},
               {"copies", plan.copies},
               {"elements", plan.elements},
               {"lines", plan.lines}});
}

std::string models_json(const std::vector<FamilyInfo>& families) {
  Json out = Json::array();
  for (const FamilyInfo& family : families)
    out.push_back({{"family", family.name},
                   {"architectures", family.architectures},
                   {"models", family.models},
                   {"supported", family.supported},
                   {"unconfirmed", family.unconfirmed}});
  return text({{"families", out}});
}

std::string machine_json(const Machine& machine) {
  Json gpus = Json::array();
  for (const Gpu& gpu : machine.gpus) gpus.push_back({{"name", gpu.name}, {"memory", gpu.memory}});
  const auto known = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  const auto amount = [](int64_t value) { return value < 0 ? Json() : Json(value); };
  return text({{"cores", machine.cores},
               {"cores_allowed", machine.cores_allowed},
               {"memory", amount(machine.memory)},
               {"memory_available", amount(machine.memory_available)},
               {"memory_limit", amount(machine.memory_limit)},
               {"disk_path", machine.disk_path},
               {"disk_free", amount(machine.disk_free)},
               {"disk_size", amount(machine.disk_size)},
               {"file_system", known(machine.file_system)},
               {"gpus", gpus},
               {"driver", known(machine.driver)},
               {"nccl", known(machine.nccl)},
               {"engine", known(machine.engine)}});
}

std::string dataset_list_json(const std::vector<DatasetSummary>& datasets) {
  Json rows = Json::array();
  for (const DatasetSummary& dataset : datasets) rows.push_back(summary(dataset));
  return text({{"datasets", rows}});
}

std::string dataset_check_json(const std::vector<DatasetCheck>& checks) {
  Json rows = Json::array();
  for (const DatasetCheck& check : checks) {
    Json row = summary(check.summary);
    row["empty_sequences"] = check.empty_sequences;
    row["longest_sequence"] = check.longest_sequence;
    row["smallest_token"] = check.smallest_token;
    row["largest_token"] = check.largest_token;
    rows.push_back(row);
  }
  return text({{"datasets", rows}});
}

}  // namespace bascule::cli
