// Hugging Face directory -> one iteration of a Megatron torch_dist checkpoint.
#include "base/check.h"
#include "base/commit.h"
#include "base/file.h"
#include "bridge/memory_budget.h"
#include "bridge/training_checkpoint.h"
#include "bridge/writing.h"
#include "families/megatron_gaps.h"
#include "families/run_config.h"
#include "model/chunks.h"
#include "store/torch_dist/torch_dist_output.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// The warnings about what Megatron computes otherwise, or Error where that is not wanted.
std::vector<std::string> warned(const Opened& source, const Options& options, Reporter& reporter) {
  std::vector<std::string> gaps = megatron_gaps(*source.family, source.arch);
  for (const std::string& gap : gaps) {
    require(!options.require_megatron_logits, Kind::unsupported,
            "{}: {} (--require-megatron-logits)", source.path.string(), gap);
    reporter.warn(gap);
  }
  return gaps;
}

TorchDistRequest request_of(const Opened& source, const Dialect& dialect,
                            const std::vector<DType>& dtypes, const Options& options) {
  TorchDistRequest request;
  for (size_t i = 0; i < dialect.bindings.size(); ++i) {
    const Binding& row = dialect.bindings[i];
    request.tensors.push_back(
        {{row.name, dtypes[i], row.layout.shape(source.slots)}, chunks(row.layout, source.slots)});
  }
  request.extra_states = extra_states(dialect);
  request.common = common_state(options.iteration);
  request.train_state.step = options.iteration;
  request.compat = options.wide ? TorchDistCompat::wide : TorchDistCompat::standard;
  return request;
}

std::string state_json(const Opened& source, const std::vector<std::string>& warnings) {
  State state = hf_state(source);
  state.warnings = warnings;
  std::string text = to_json(state);
  text.shrink_to_fit();
  return text;
}

/// Throws Error{user} where the directory that is to hold iterations is something else already.
void require_root(const fs::path& root) {
  std::error_code ignored;
  for (const char* name : {"metadata.json", ".metadata"})
    require(!fs::exists(root / name, ignored), Kind::user,
            "{} is the directory of one iteration: it has {}; name the checkpoint that holds "
            "iterations, or a new directory",
            root.string(), name);
  if (!fs::exists(root / "config.json", ignored)) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(root, ignored))
    require(entry.path().extension() != ".safetensors", Kind::user,
            "{} is a Hugging Face model: it has config.json and {}; name a checkpoint that holds "
            "iterations, or a new directory",
            root.string(), entry.path().filename().string());
}

}  // namespace

Outcome import_checkpoint(const std::string& source_path, const std::string& target_path,
                          const Options& options, Reporter& reporter) {
  Outcome outcome;
  Stopwatch watch(outcome.steps);
  watch.begin("plan");
  Opened source = open_hf(source_path, options);
  for (const std::string& warning : source.hf.warnings) reporter.warn(warning);
  const Options within = within_memory(options, source.path, source.slots);
  tell_fewer_threads(options, within, reporter);
  require_equal_aliases(source);
  outcome.warnings = warned(source, options, reporter);

  std::string state = state_json(source, outcome.warnings);
  MegatronForm form = usual_form(source.arch);
  form.vocab_multiple = options.padded_vocab_multiple;
  const Dialect dialect = megatron(source.arch, source.slots, form);
  std::vector<DType> dtypes;
  {
    const Plan there = plan(source.slots, source.dialect, dialect);
    dtypes = target_dtypes(there, Gather(there, {&source.source()}), options);
    outcome.tensors_read = static_cast<int64_t>(there.from.size());
    outcome.tensors_written = static_cast<int64_t>(there.to.size());
  }
  // The text of .metadata takes as much as the plan, which so is made again when that is written.
  source.dialect = {};
  Output output = torch_dist_output(request_of(source, dialect, dtypes, options));
  output.small_files.push_back(
      {"run_config.yaml",
       run_config_yaml(*source.family,
                       {.model = {.arch = source.arch,
                                  .dtype = options.dtype.empty() ? source.dtype : options.dtype,
                                  .vocab_multiple = form.vocab_multiple},
                        // "." would be another directory elsewhere.
                        .hf_model_id = bascule::target_path(source_path).string(),
                        .has_tokenizer = !source.hf.tokenizer_files.empty()})});
  output.small_files.push_back({kStateName, std::move(state)});

  const fs::path root = target_path;
  const fs::path target = root / fmt::format("iter_{:07}", options.iteration);
  outcome.target = target.string();
  outcome.family = source.family->name;
  outcome.ignored_keys = source.config->ignored_keys;
  outcome.parameters = source.slots.parameters();
  for (const OutputFile& file : output.files) outcome.bytes_written += file.size;
  require_root(root);
  check_root(root);
  check_target(target, options.overwrite, source.path);
  check_space(target, outcome.bytes_written);
  if (options.dry_run) {
    watch.end();
    return outcome;
  }

  Workspace workspace(target, plan_hash(identity(source.path), output, options));
  for (const std::string& notice : workspace.notices()) reporter.note(notice);
  fill(workspace, [&] {
    watch.begin("write", outcome.bytes_written);
    Manifest manifest = write_small_files(output, workspace);
    {
      source.dialect = hf_dialect(*source.family, source.arch, source.slots);
      const Plan there = plan(source.slots, source.dialect, dialect);
      source.dialect = {};
      const Gather gather(there, {&source.source()});
      write_data(output, gather, workspace, reporter, within, manifest);
    }
    std::vector<Travelling> files;
    for (const HfFile& file : source.hf.tokenizer_files)
      files.push_back({source.path / file.name, kTokenizerFolder + file.name});
    for (const HfFile& file : source.hf.other_files)
      files.push_back({source.path / file.name, kTravelFolder + file.name});
    copy_files(files, workspace, manifest);
    // The proof needs memory of its own.
    output = {};
    if (options.verify) {
      watch.begin("verify", outcome.bytes_written);
      const auto open = [&] { return open_megatron(workspace.directory(), options); };
      // Opening a Megatron checkpoint takes more for a moment than all that is kept of both.
      source = {};
      const auto again = [&] {
        source = open_hf(source_path, options);
        return spelled(source);
      };
      outcome.report = prove(again, open, workspace, reporter, within);
      outcome.verified = true;
    }
    watch.begin("commit");
    Trackers trackers(root, workspace.directory(), options.iteration);
    workspace.publish(options.overwrite, kManifestName, to_json(manifest));
    const std::optional<int64_t> before = tracked_iteration(root);
    trackers.move();
    if (before && *before > options.iteration)
      reporter.note(fmt::format(
          "the latest iteration of {} is now {}: its trackers named {}, which is still there",
          root.string(), options.iteration, *before));
  });
  watch.end();
  return outcome;
}

}  // namespace bascule
