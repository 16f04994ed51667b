#include "bridge/write_hf.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/file.h"
#include "families/hf_config.h"
#include "store/safetensors_output.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";

/// The Hugging Face tensors to write: those of the model, and repetitions that the source had.
Dialect written_dialect(const HfRequest& request) {
  Dialect dialect = hf_dialect(request.family, request.arch, *request.model.slots);
  if (!request.state) return dialect;
  std::vector<Alias> aliases = std::move(dialect.aliases);
  dialect.aliases.clear();
  for (const Alias& alias : aliases) {
    const auto stored = [&](const SafetensorsShard& shard) {
      return std::find(shard.tensors.begin(), shard.tensors.end(), alias.name) !=
             shard.tensors.end();
    };
    if (std::none_of(request.state->shards.begin(), request.state->shards.end(), stored)) continue;
    dialect.bindings.push_back(exact(alias.name, dialect.find(alias.of)->layout));
  }
  return dialect;
}

/// Whether a grouping names these tensors and no other, and has no shard without any.
bool fits(const std::vector<SafetensorsShard>& shards, const std::vector<TensorInfo>& tensors) {
  if (std::ranges::any_of(shards, &std::vector<std::string>::empty, &SafetensorsShard::tensors))
    return false;
  std::vector<std::string_view> wanted, named;
  for (const TensorInfo& tensor : tensors) wanted.push_back(tensor.name);
  for (const SafetensorsShard& shard : shards)
    named.insert(named.end(), shard.tensors.begin(), shard.tensors.end());
  std::sort(wanted.begin(), wanted.end());
  std::sort(named.begin(), named.end());
  return wanted == named;
}

/// The source's own grouping where it names exactly these tensors, else transformers'.
std::vector<SafetensorsShard> shards_of(const HfRequest& request, const Dialect& dialect,
                                        const std::vector<TensorInfo>& tensors) {
  if (!request.state) return group_shards(tensors);
  std::vector<SafetensorsShard> shards = request.state->shards;
  for (SafetensorsShard& shard : shards)
    std::erase_if(shard.tensors, [&](const std::string& name) { return dialect.ignores(name); });
  std::erase_if(shards, [](const SafetensorsShard& shard) { return shard.tensors.empty(); });
  return fits(shards, tensors) ? shards : group_shards(tensors);
}

std::string_view folder_of(std::string_view name) {
  return name.starts_with(kTokenizerFolder) ? kTokenizerFolder : kTravelFolder;
}

/// Of a file in an iteration, its name in a Hugging Face directory.
std::string_view name_in_hf(std::string_view name) {
  name.remove_prefix(folder_of(name).size());
  return name;
}

/// The configuration that travels with the model, with the dtype that its weights now have; or one
/// made from the architecture.
std::string config_json(const TrainedModel& model, const std::string& dtype,
                        std::vector<std::string>& warnings) {
  const auto file = std::ranges::find(model.others, kConfigFile, &Travelling::to);
  if (file == model.others.end()) {
    TravellingFiles files;
    for (const auto* list : {&model.tokenizer, &model.others})
      for (const Travelling& one : *list) files[std::string(name_in_hf(one.to))] = one.from;
    return made_config("the trained model", *model.family, model.arch, dtype, files, warnings);
  }
  const std::string text = read_small_file(file->from, kConfigLimit);
  const HfConfig config = read_hf_config(text, file->from.string(), model.state.ignored_keys);
  return config.dtype == dtype ? text : hf_config_text(with_dtype(config.tree, dtype));
}

/// How the result is opened: without the keys of config.json that were left out of account before,
/// as far as it has them.
Options reading_back(const HfRequest& request, Options options) {
  options.ignore_keys =
      keys_to_ignore(parse_json(request.config_json, "config.json"), options.ignore_keys,
                     request.state ? request.state->ignored_keys : std::vector<std::string>{});
  return options;
}

}  // namespace

std::string made_config(const std::string& where, const Family& family, const Arch& arch,
                        const std::string& dtype, const TravellingFiles& files,
                        std::vector<std::string>& warnings) {
  Tree config = in_context(where, [&] { return write_hf_config(family, arch, dtype); });
  if (std::string warning = add_special_tokens(config, files, arch.vocab); !warning.empty())
    warnings.push_back(std::move(warning));
  return hf_config_text(config);
}

Tree with_dtype(Tree config, const std::string& dtype) {
  for (const char* key : {"torch_dtype", "dtype"})
    if (config.find(key)) config.set(key, Tree(dtype));
  return config;
}

void write_hf(const HfRequest& request, const std::string& target_path, const Options& options,
              Reporter& reporter, Outcome& outcome, Stopwatch& watch) {
  Dialect written = written_dialect(request);
  Plan there = plan(*request.model.slots, *request.model.dialect, written);
  written.bindings = {};  // of 10^5 tensors, and only what is ignored is still asked for
  std::optional<Gather> gather(std::in_place, there, std::vector{request.model.source});
  const std::vector<DType> dtypes = target_dtypes(there, *gather, options);
  std::vector<TensorInfo> tensors;
  tensors.reserve(there.to.size());
  for (size_t i = 0; i < there.to.size(); ++i)
    tensors.push_back({there.to[i].name, dtypes[i], there.to[i].shape});
  const auto metadata = request.state && !request.state->metadata.empty()
                            ? request.state->metadata
                            : std::map<std::string, std::string>{{"format", "pt"}};
  Output output;
  if (request.state && fits(request.state->shards, tensors)) {
    output = safetensors_output(std::move(tensors), request.state->shards, metadata);
  } else {
    const std::vector<SafetensorsShard> shards = shards_of(request, written, tensors);
    output = safetensors_output(std::move(tensors), shards, metadata);
  }
  if (!request.weights_alone) output.small_files.push_back({kConfigName, request.config_json});
  if (request.state) outcome.warnings = request.state->warnings;
  outcome.warnings.insert(outcome.warnings.end(), request.warnings.begin(), request.warnings.end());

  outcome.target = target_path;
  outcome.family = request.family.name;
  outcome.parameters = request.model.slots->parameters();
  outcome.tensors_read = static_cast<int64_t>(there.from.size());
  outcome.tensors_written = static_cast<int64_t>(there.to.size());
  for (const OutputFile& file : output.files) outcome.bytes_written += file.size;
  check_target(target_path, options.overwrite, request.read_from);
  check_space(target_path, outcome.bytes_written);
  if (options.dry_run) return;

  Workspace workspace(target_path, plan_hash(request.identity, output, options));
  for (const std::string& notice : workspace.notices()) reporter.note(notice);
  fill(workspace, [&] {
    watch.begin("write", outcome.bytes_written);
    Manifest manifest = write_small_files(output, workspace);
    write_data(output, *gather, workspace, reporter, options, manifest);
    copy_files(request.files, workspace, manifest);
    // The proof needs memory of its own.
    gather.reset();
    there = {};
    output = {};
    if (options.verify) {
      watch.begin("verify", outcome.bytes_written);
      const fs::path config = workspace.path_of(kConfigName);
      if (request.weights_alone) File::create(config).pwrite_all(0, as_bytes(request.config_json));
      const auto open = [&] {
        return open_hf(workspace.directory(), reading_back(request, options));
      };
      outcome.report = prove([&] { return request.model; }, open, workspace, reporter, options);
      if (request.weights_alone) fs::remove(config);
      outcome.verified = true;
    }
    watch.begin("commit");
    workspace.publish(options.overwrite, kManifestName, to_json(manifest));
  });
}

Outcome export_model(const TrainedModel& model, const TensorSource& source, const Dialect& local,
                     const std::string& dtype, const std::string& target, const Options& options,
                     Reporter& reporter, bool weights_alone) {
  Outcome outcome;
  Stopwatch watch(outcome.steps);
  watch.begin("plan");
  const auto alive = std::chrono::steady_clock::now().time_since_epoch().count();
  HfRequest request{.family = *model.family,
                    .arch = model.arch,
                    .model = {&model.slots, &source, &local},
                    .state = model.state.shards.empty() ? nullptr : &model.state,
                    .config_json = {},
                    .weights_alone = weights_alone,
                    .identity = fmt::format("memory {} {}", ::getpid(), alive)};
  request.config_json =
      config_json(model, options.dtype.empty() ? dtype : options.dtype, request.warnings);
  for (const auto* files : {&model.tokenizer, &model.others})
    for (const Travelling& file : *files)
      if (file.to != kConfigFile && !weights_alone)
        request.files.push_back({file.from, std::string(name_in_hf(file.to))});
  write_hf(request, target, options, reporter, outcome, watch);
  watch.end();
  return outcome;
}

}  // namespace bascule
