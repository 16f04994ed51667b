// Megatron torch_dist checkpoint -> Hugging Face directory.
#include "base/file.h"
#include "bridge/write_hf.h"

namespace bascule {
namespace {

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
  return hf_config_text(with_dtype(source.config->tree, options.dtype));
}

}  // namespace

Outcome export_checkpoint(const std::string& source_path, const std::string& target_path,
                          const Options& options, Reporter& reporter) {
  Outcome outcome;
  Stopwatch watch(outcome.steps);
  watch.begin("plan");
  const Opened source = open_megatron(source_path, options);
  HfRequest request{.family = *source.family,
                    .arch = source.arch,
                    .model = spelled(source),
                    .state = source.state ? &*source.state : nullptr,
                    .config_json = config_json(source, options),
                    .read_from = source.path,
                    .identity = identity(source.path)};
  for (const std::string& name : files_that_travel(source.path / kTokenizerFolder))
    request.files.push_back({source.path / kTokenizerFolder / name, name});
  for (const std::string& name : files_that_travel(source.path / kTravelFolder))
    if (name != "config.json") request.files.push_back({source.path / kTravelFolder / name, name});
  write_hf(request, target_path, options, reporter, outcome, watch);
  watch.end();
  return outcome;
}

}  // namespace bascule
