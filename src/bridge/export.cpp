// Megatron torch_dist checkpoint -> Hugging Face directory.
#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "bridge/writing.h"
#include "store/safetensors_output.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// The Hugging Face tensors to write: those of the model, and repetitions that the source had.
Dialect written_dialect(const Opened& source) {
  Dialect dialect = hf_dialect(*source.family, source.arch, source.slots);
  if (!source.state) return dialect;
  std::vector<Alias> aliases = std::move(dialect.aliases);
  dialect.aliases.clear();
  for (const Alias& alias : aliases) {
    const auto stored = [&](const SafetensorsShard& shard) {
      return std::find(shard.tensors.begin(), shard.tensors.end(), alias.name) !=
             shard.tensors.end();
    };
    if (std::none_of(source.state->shards.begin(), source.state->shards.end(), stored)) continue;
    dialect.bindings.push_back(exact(alias.name, dialect.find(alias.of)->layout));
  }
  return dialect;
}

/// The source's own grouping where it names exactly these tensors, else transformers'.
std::vector<SafetensorsShard> shards_of(const Opened& source,
                                        const std::vector<TensorInfo>& tensors) {
  if (!source.state) return group_shards(tensors);
  std::vector<std::string> wanted, named;
  for (const TensorInfo& tensor : tensors) wanted.push_back(tensor.name);
  std::vector<SafetensorsShard> shards = source.state->shards;
  const Dialect dialect = hf_dialect(*source.family, source.arch, source.slots);
  for (SafetensorsShard& shard : shards) {
    std::erase_if(shard.tensors, [&](const std::string& name) { return dialect.ignores(name); });
    named.insert(named.end(), shard.tensors.begin(), shard.tensors.end());
  }
  std::erase_if(shards, [](const SafetensorsShard& shard) { return shard.tensors.empty(); });
  std::sort(wanted.begin(), wanted.end());
  std::sort(named.begin(), named.end());
  return wanted == named ? shards : group_shards(tensors);
}

/// The original config.json byte for byte when it still describes the model, its dtype set where
/// --dtype changes that; otherwise one made from the architecture.
std::string config_json(const Opened& source, const Options& options) {
  if (!source.config) {
    const std::string dtype = options.dtype.empty() ? source.dtype : options.dtype;
    return hf_config_text(write_hf_config(*source.family, source.arch, dtype));
  }
  if (options.dtype.empty())
    return read_small_file(source.path / (std::string(kTravelFolder) + "config.json"),
                           kConfigLimit);
  Tree tree = source.config->tree;
  for (const char* key : {"torch_dtype", "dtype"})
    if (tree.find(key)) tree.set(key, Tree(options.dtype));
  return hf_config_text(tree);
}

}  // namespace

Outcome export_checkpoint(const std::string& source_path, const std::string& target_path,
                          const Options& options, Reporter& reporter) {
  Outcome outcome;
  Stopwatch watch(outcome.steps);
  watch.begin("plan");
  const Opened source = open_megatron(source_path, options);
  Plan there = plan(source.slots, source.dialect, written_dialect(source));
  std::optional<Gather> gather(std::in_place, there, std::vector{&source.source()});
  const std::vector<DType> dtypes = target_dtypes(there, *gather, options);
  std::vector<TensorInfo> tensors;
  for (size_t i = 0; i < there.to.size(); ++i)
    tensors.push_back({there.to[i].name, dtypes[i], there.to[i].shape});
  const auto metadata = source.state && !source.state->metadata.empty()
                            ? source.state->metadata
                            : std::map<std::string, std::string>{{"format", "pt"}};
  const auto shards = shards_of(source, tensors);
  Output output = safetensors_output(std::move(tensors), shards, metadata);
  output.small_files.push_back({"config.json", config_json(source, options)});
  if (source.state) outcome.warnings = source.state->warnings;

  outcome.target = target_path;
  outcome.family = source.family->name;
  outcome.parameters = source.slots.parameters();
  outcome.tensors_read = static_cast<int64_t>(there.from.size());
  outcome.tensors_written = static_cast<int64_t>(there.to.size());
  for (const OutputFile& file : output.files) outcome.bytes_written += file.size;
  check_target(target_path, options.overwrite, source.path);
  if (options.dry_run) {
    watch.end();
    return outcome;
  }

  check_space(target_path, outcome.bytes_written);
  Workspace workspace(target_path, plan_hash(source, output, options));
  for (const std::string& notice : workspace.notices()) reporter.note(notice);
  fill(workspace, [&] {
    watch.begin("write", outcome.bytes_written);
    Manifest manifest = write_output(output, *gather, workspace, reporter, options);
    std::vector<Travelling> files;
    for (const std::string& name : files_that_travel(source.path / kTokenizerFolder))
      files.push_back({source.path / kTokenizerFolder / name, name});
    for (const std::string& name : files_that_travel(source.path / kTravelFolder))
      if (name != "config.json") files.push_back({source.path / kTravelFolder / name, name});
    copy_files(files, workspace, manifest);
    // The proof needs memory of its own.
    gather.reset();
    there = {};
    output = {};
    if (options.verify) {
      watch.begin("verify", outcome.bytes_written);
      outcome.report =
          prove(source, open_hf(workspace.directory(), options), workspace, reporter, options);
      outcome.verified = true;
    }
    watch.begin("commit");
    workspace.publish(options.overwrite, kManifestName, to_json(manifest));
  });
  watch.end();
  return outcome;
}

}  // namespace bascule
