// Megatron torch_dist checkpoint -> Hugging Face directory.
#include "base/check.h"
#include "base/file.h"
#include "bridge/memory_budget.h"
#include "bridge/write_hf.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

/// Where each file that travels lies, by its name in a Hugging Face directory.
TravellingFiles files_of(const fs::path& iteration) {
  TravellingFiles files;
  for (const char* folder : {kTokenizerFolder, kTravelFolder})
    for (const std::string& name : files_that_travel(iteration / folder))
      require(files.emplace(name, iteration / folder / name).second, Kind::format,
              "{} holds {} twice, in {} and in {}; remove one", iteration.string(), name,
              kTokenizerFolder, kTravelFolder);
  const auto config = files.find("config.json");
  require(config == files.end() || config->second == iteration / kConfigFile, Kind::format,
          "{} would replace config.json, which is part of the result; remove it",
          config == files.end() ? "" : config->second.string());
  return files;
}

/// What to do where no tokenizer came with the checkpoint; empty where one did.
std::string lacking_tokenizer(const fs::path& iteration, const TravellingFiles& files) {
  const fs::path folder = iteration / kTokenizerFolder;
  for (const auto& [name, path] : files)
    if (is_tokenizer_file(path.filename().string()) || path.string().starts_with(folder.string()))
      return {};
  return fmt::format(
      "{} holds no tokenizer (tokenizer.json, tokenizer_config.json, ...), so that the result has "
      "none; copy these files from the model that the training began with",
      iteration.string());
}

/// The original config.json byte for byte when it still describes the model, its dtype, where it
/// has one, set as the import's or this export's --dtype changes that; otherwise one made from the
/// architecture.
std::string config_json(const Opened& source, const TravellingFiles& files, const Options& options,
                        std::vector<std::string>& warnings) {
  const std::string& dtype = options.dtype.empty() ? source.dtype : options.dtype;
  if (!source.config)
    return made_config(source.settings, *source.family, source.arch, dtype, files, warnings);
  if (source.config->dtype.empty() || source.config->dtype == dtype)
    return read_small_file(files.at("config.json"), kConfigLimit);
  return hf_config_text(with_dtype(source.config->tree, dtype));
}

}  // namespace

Outcome export_checkpoint(const std::string& source_path, const std::string& target_path,
                          const Options& options, Reporter& reporter) {
  Outcome outcome;
  Stopwatch watch(outcome.steps);
  watch.begin("plan");
  const Opened source = open_megatron(source_path, options);
  if (source.config) outcome.ignored_keys = source.config->ignored_keys;
  const Options within = within_memory(options, source.path, source.slots);
  tell_fewer_threads(options, within, reporter);
  HfRequest request{.family = *source.family,
                    .arch = source.arch,
                    .model = spelled(source),
                    .state = source.state ? &*source.state : nullptr,
                    .config_json = {},
                    .read_from = source.path,
                    .identity = identity(source.path)};
  const TravellingFiles files = files_of(source.path);
  request.config_json = config_json(source, files, options, request.warnings);
  if (std::string warning = lacking_tokenizer(source.path, files); !warning.empty())
    request.warnings.push_back(std::move(warning));
  for (const auto& [name, path] : files)
    if (name != "config.json") request.files.push_back({path, name});
  write_hf(request, target_path, within, reporter, outcome, watch);
  watch.end();
  return outcome;
}

}  // namespace bascule
