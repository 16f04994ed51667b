#include "bridge/opened.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "convert/verifier.h"
#include "families/run_config.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTextLimit = int64_t{16} << 20;  // of a configuration or state file

/// What training checkpoints hold beside the model.
constexpr const char* kNotTheModel[] = {"optimizer.*", "chained_*", "rng_state*", "rerun_state*"};

bool is_stacked(const TensorSource& source) {
  for (const TensorInfo& tensor : source.tensors()) {
    const size_t at = tensor.name.find("decoder.layers.");
    if (at == std::string::npos) continue;
    const char next = tensor.name.c_str()[at + 15];
    return next < '0' || next > '9';
  }
  return true;
}

/// The padding that the file itself has: all rows of its embedding.
int64_t vocab_multiple(const TensorSource& source, int64_t vocab) {
  for (const TensorInfo& tensor : source.tensors())
    if (tensor.name.ends_with("embedding.word_embeddings.weight") && !tensor.shape.empty())
      return std::max(tensor.shape[0], vocab) > 0 ? std::max(tensor.shape[0], vocab) : 1;
  return 1;
}

/// The family that a Megatron checkpoint is of: state.json's, else what run_config.yaml tells, else
/// --family.
const Family& family_of(const Opened& opened, const RunConfig& config, const Options& options,
                        const fs::path& file) {
  if (opened.state) return family_named(opened.state->family);
  const auto& known = config.families;
  if (!options.family.empty()) {
    const Family& asked = family_named(options.family);
    require(known.empty() || std::find(known.begin(), known.end(), asked.name) != known.end(),
            Kind::user, "{} is not of family {}, but of one of: {}", file.string(), asked.name,
            fmt::join(known, ", "));
    return asked;
  }
  if (known.size() == 1) return family_named(known[0]);
  fail(Kind::unsupported,
       "{} does not say which family this model is of; give --family, one of: {}", file.string(),
       fmt::join(known, ", "));
}

}  // namespace

Opened open_hf(const std::string& path_or_id, const Options& options) {
  Opened opened;
  opened.path = resolve_hf(path_or_id);
  opened.hf = open_hf_directory(opened.path);
  const fs::path config = opened.path / "config.json";
  std::error_code ignored;
  require(fs::exists(config, ignored), Kind::user,
          "{} has no config.json, which says what model these weights are; copy it from where they "
          "came from",
          opened.path.string());
  opened.config =
      read_hf_config(read_small_file(config, kTextLimit), config.string(), options.ignore_keys);
  opened.family = opened.config->family;
  opened.arch = opened.config->arch;
  opened.dtype = opened.config->dtype;
  opened.slots = slots(opened.arch);
  opened.dialect = hf_dialect(*opened.family, opened.arch, opened.slots);
  check_names(*opened.hf.weights, opened.dialect, opened.path.string());
  return opened;
}

Opened open_megatron(const fs::path& path, const Options& options) {
  Opened opened;
  opened.format = Opened::Format::torch_dist;
  opened.path = iteration_directory(path);
  opened.dist = TorchDistSource::open(opened.path, {.strip_prefixes = {"module.", "model."}});
  std::error_code ignored;
  if (const fs::path file = opened.path / kStateName; fs::exists(file, ignored))
    opened.state = parse_state(read_small_file(file, kTextLimit * 16), file.string());
  const fs::path run_config = opened.path / "run_config.yaml";
  require(fs::exists(run_config, ignored), Kind::unsupported,
          "{} has no run_config.yaml, which says what model these weights are; Megatron Bridge "
          "writes it beside the weights",
          opened.path.string());
  const RunConfig config =
      read_run_config(read_small_file(run_config, kTextLimit), run_config.string());
  opened.family = &family_of(opened, config, options, run_config);
  opened.arch = config.model.arch;
  opened.dtype = config.model.dtype;
  if (const fs::path file = opened.path / (std::string(kTravelFolder) + "config.json");
      fs::exists(file, ignored)) {
    std::vector<std::string> ignore = options.ignore_keys;
    if (opened.state)
      ignore.insert(ignore.end(), opened.state->ignored_keys.begin(),
                    opened.state->ignored_keys.end());
    opened.config = read_hf_config(read_small_file(file, kTextLimit), file.string(), ignore);
    // Megatron's configuration cannot hold every fact of the original; where the two agree on all
    // that it can hold, the original says the rest.
    if (opened.config->family == opened.family &&
        as_megatron_holds(*opened.family, opened.config->arch) == opened.arch)
      opened.arch = opened.config->arch;
    else
      opened.config.reset();
  }
  opened.slots = slots(opened.arch);
  opened.form = {.vocab_multiple = vocab_multiple(*opened.dist, opened.arch.vocab),
                 .stacked = is_stacked(*opened.dist)};
  opened.dialect = megatron(opened.arch, opened.slots, opened.form);
  for (const char* pattern : kNotTheModel) opened.dialect.ignored.push_back(pattern);
  check_names(*opened.dist, opened.dialect, opened.path.string());
  return opened;
}

Opened open_model(const std::string& path, const Options& options) {
  if (is_megatron(path)) return open_megatron(path, options);
  std::error_code ignored;
  if (!fs::exists(path, ignored) || is_hf_directory(path)) return open_hf(path, options);
  fail(Kind::user,
       "{} is neither a Hugging Face directory (config.json and *.safetensors) nor a Megatron "
       "checkpoint (iter_* directories, or .metadata and metadata.json)",
       path);
}

}  // namespace bascule
