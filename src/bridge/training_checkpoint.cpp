#include "bridge/training_checkpoint.h"

#include <set>

#include "base/check.h"
#include "base/commit.h"
#include "base/file.h"
#include "base/filesystem.h"
#include "base/replace_directory.h"
#include "bridge/writing.h"
#include "convert/executor.h"
#include "families/run_config.h"
#include "model/chunks.h"
#include "store/torch_dist/torch_dist_output.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// The plan of the weights, then that of each kind of optimizer tensors: the same copies under
/// other names.
Plan whole_plan(const Slots& slots, const RankTensors& tensors, const Dialect& global) {
  const std::vector<Place> from = {
      {.rank = 0, .dialect = &tensors.local, .shards = tensors.shards}};
  const std::vector<Place> to = {{.rank = 0, .dialect = &global, .shards = {}}};
  const Plan weights = plan(slots, from, to);
  Plan all = weights;
  const std::set<std::string> names(tensors.trained.begin(), tensors.trained.end());
  const auto trained = [&](const std::string& name) { return names.contains(name); };
  for (const std::string& prefix : tensors.prefixes) {
    std::vector<size_t> from_index(weights.from.size()), to_index(weights.to.size());
    std::vector<bool> wanted(weights.to.size());
    for (const Copy& copy : weights.copies) wanted[copy.to] = trained(weights.from[copy.from].name);
    for (size_t i = 0; i < weights.from.size(); ++i) {
      from_index[i] = all.from.size();
      PlanTensor tensor = weights.from[i];
      if (!trained(tensor.name)) continue;
      tensor.name = prefix + tensor.name;
      all.from.push_back(std::move(tensor));
    }
    for (size_t i = 0; i < weights.to.size(); ++i) {
      to_index[i] = all.to.size();
      if (!wanted[i]) continue;
      PlanTensor tensor = weights.to[i];
      tensor.name = prefix + tensor.name;
      all.to.push_back(std::move(tensor));
    }
    for (Copy copy : weights.copies) {
      if (!wanted[copy.to]) continue;
      copy.from = from_index[copy.from];
      copy.to = to_index[copy.to];
      all.copies.push_back(std::move(copy));
    }
  }
  return all;
}

pickle::Value with_entries(const pickle::Value& dict,
                           const std::vector<std::pair<std::string, pickle::Value>>& entries) {
  std::vector<std::pair<pickle::Value, pickle::Value>> pairs;
  for (size_t i = 0; i < dict.size(); ++i) pairs.emplace_back(dict.key(i), dict.value(i));
  for (const auto& [key, value] : entries) pairs.emplace_back(key, value);
  return pickle::Value::dict(pairs);
}

/// The common state of weights, with what readers must know of the optimizer's.
pickle::Value common_of(const RankTensors& tensors, const TrainingCheckpoint& checkpoint) {
  pickle::Value common = common_state(checkpoint.iteration);
  if (!tensors.prefixes.empty()) {
    std::vector<std::pair<pickle::Value, pickle::Value>> pairs;
    for (size_t i = 0; i < common.size(); ++i) {
      const bool content = common.key(i).string() == "content_metadata";
      pairs.emplace_back(
          common.key(i),
          content ? with_entries(common.value(i),
                                 {{"distrib_optim_sharding_type", "fully_reshardable"},
                                  {"distrib_optim_fully_reshardable_mem_efficient", false}})
                  : common.value(i));
    }
    common = pickle::Value::dict(pairs);
  }
  return with_entries(common, checkpoint.common);
}

TorchDistRequest request_of(const Slots& slots, const RankTensors& tensors,
                            const TrainingCheckpoint& checkpoint, const Dialect& global,
                            const Plan& plan, const Gather& gather) {
  TorchDistRequest request;
  for (size_t i = 0; i < plan.to.size(); ++i) {
    std::string stem = plan.to[i].name;
    for (const std::string& prefix : tensors.prefixes)
      if (stem.starts_with(prefix)) stem = stem.substr(prefix.size());
    request.tensors.push_back({{plan.to[i].name, gather.source_dtype(i), plan.to[i].shape},
                               chunks(global.find(stem)->layout, slots)});
  }
  request.extra_states = extra_states(global);
  if (checkpoint.random)
    request.objects.emplace_back(kRandomStateObject, random_state_archive(*checkpoint.random));
  request.common = common_of(tensors, checkpoint);
  request.train_state = checkpoint.train_state;
  return request;
}

constexpr const char* kHash = "training";

/// Removes what saves that were killed have left behind, of this iteration and of others.
void remove_leftovers(const fs::path& root) {
  std::set<std::string> targets;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, ignored)) {
    const std::string name = entry.path().filename();
    const size_t end = name.find(".partial");
    if (name.starts_with(".iter_") && end != std::string::npos)
      targets.insert(name.substr(1, end - 1));
  }
  for (const std::string& target : targets) Workspace(root / target, kHash).discard();
}

/// Adds the Hugging Face directory of the iteration that the workspace holds: it gets its name with
/// the iteration, never after it. Made beside it, since an export's target never lies in its
/// source.
void add_hf_directory(Workspace& workspace, Manifest& manifest, Reporter& reporter) {
  const fs::path target = workspace.directory() / kHfFolder;
  const fs::path beside = workspace.journal().parent_path() / kHfFolder;
  export_checkpoint(workspace.directory().string(), beside.string(), {}, reporter);
  filesystem_work([&] { fs::rename(beside, target); });
  const fs::path file = target / kManifestName;
  const std::string bytes = read_small_file(file, int64_t{64} << 20);
  for (const auto& [name, entry] : parse_manifest(bytes, file.string()).files)
    manifest.files[kHfFolder + name] = entry;
  manifest.files[std::string(kHfFolder) + kManifestName] = {static_cast<int64_t>(bytes.size()),
                                                            hash_of(bytes)};
}

/// What a failed save has written would only fill the disk: the next save begins anew.
void discard_quietly(Workspace& workspace) {
  try {
    workspace.discard();
  } catch (const Error&) {
    // The error that made the save fail is the one to tell.
  }
}

}  // namespace

CheckpointForm checkpoint_form(const TrainedModel& model, const std::string& dtype,
                               const Besides& besides) {
  MegatronForm spelling = usual_form(model.arch);
  spelling.vocab_multiple = model.vocab_multiple;
  CheckpointForm form{.global = megatron(model.arch, model.slots, spelling)};
  form.files.emplace_back(
      "run_config.yaml",
      run_config_yaml(
          *model.family,
          {.model = {.arch = model.arch, .dtype = dtype, .vocab_multiple = model.vocab_multiple},
           .hf_model_id = model.hf_model_id,
           .has_tokenizer = !model.tokenizer.empty(),
           .has_optimizer = besides.optimizer,
           .has_random_state = besides.random_state}));
  form.files.emplace_back(kStateName, to_json(model.state));
  for (const auto* files : {&model.tokenizer, &model.others})
    form.travelling.insert(form.travelling.end(), files->begin(), files->end());
  return form;
}

fs::path save_training_checkpoint(const fs::path& root, const Slots& slots,
                                  const CheckpointForm& form, const RankTensors& tensors,
                                  const TrainingCheckpoint& checkpoint, Reporter& reporter) {
  const Plan there = whole_plan(slots, tensors, form.global);
  const Gather gather(there, {&tensors.source});
  Output output =
      torch_dist_output(request_of(slots, tensors, checkpoint, form.global, there, gather));
  for (const auto* files : {&form.files, &checkpoint.files})
    for (const auto& [name, bytes] : *files) output.small_files.push_back({name, bytes});

  fs::path target = root / fmt::format("iter_{:07}", checkpoint.iteration);
  int64_t bytes = 0;
  for (const OutputFile& file : output.files) bytes += file.size;
  remove_leftovers(root);
  check_space(target, bytes);
  Workspace workspace(target, kHash);
  std::optional<Trackers> trackers;
  try {
    Manifest manifest = write_small_files(output, workspace);
    write_data(output, gather, workspace, reporter, {}, manifest);
    copy_files(form.travelling, workspace, manifest);
    if (checkpoint.with_hf) add_hf_directory(workspace, manifest, reporter);
    trackers.emplace(root, workspace.directory(), checkpoint.iteration);
    workspace.publish(/*overwrite=*/true, kManifestName, to_json(manifest));
  } catch (...) {
    discard_quietly(workspace);
    throw;
  }
  trackers->move();
  return target;
}

Dialect optimizer_dialect(const Dialect& dialect, const std::string& prefix) {
  Dialect prefixed;
  for (Binding row : dialect.bindings) {
    if (row.layout.leaves().front().ends_with("moe.expert_bias")) continue;
    row.name = prefix + row.name;
    prefixed.bindings.push_back(std::move(row));
  }
  return prefixed;
}

void remove_iteration(const fs::path& iteration) {
  Workspace workspace(iteration, kHash);
  move_directory(iteration, workspace.directory());
  workspace.discard();
}

Trackers::Trackers(const fs::path& root, const fs::path& iteration, int64_t number)
    : state_(root / "latest_train_state.pt",
             read_small_file(iteration / "train_state.pt", int64_t{1} << 20)),
      number_(root / "latest_checkpointed_iteration.txt", std::to_string(number)) {}

void Trackers::move() {
  state_.place();
  number_.place();
}

}  // namespace bascule
