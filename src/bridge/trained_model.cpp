#include "bridge/trained_model.h"

#include "base/commit.h"
#include "families/family.h"
#include "families/hf_config.h"
#include "families/run_config.h"
#include "families/unsaid_settings.h"

namespace bascule {
namespace {

std::vector<Travelling> travelling(const std::filesystem::path& iteration, const char* folder) {
  std::vector<Travelling> files;
  for (const std::string& name : files_that_travel(iteration / folder))
    files.push_back({iteration / folder / name, folder + name});
  return files;
}

void take_hf_files(const Opened& opened, TrainedModel& model) {
  for (const HfFile& file : opened.hf.tokenizer_files)
    model.tokenizer.push_back({opened.path / file.name, kTokenizerFolder + file.name});
  for (const HfFile& file : opened.hf.other_files)
    model.others.push_back({opened.path / file.name, kTravelFolder + file.name});
}

}  // namespace

State hf_state(const Opened& source) {
  State state{.family = source.family->name,
              .tool_version = version(),
              .shards = {},
              .metadata = {},
              .ignored_keys = source.config->ignored_keys,
              .warnings = {}};
  for (const SafetensorsSource::Shard& shard : source.hf.weights->shards()) {
    SafetensorsShard& kept = state.shards.emplace_back(SafetensorsShard{shard.name, {}});
    for (const size_t index : shard.tensors)
      kept.tensors.push_back(source.hf.weights->tensors()[index].name);
    state.metadata.insert(shard.metadata.begin(), shard.metadata.end());
  }
  return state;
}

TrainedModel trained_model(const Opened& opened, const std::string& path) {
  TrainedModel model{.family = opened.family,
                     .arch = opened.arch,
                     .slots = opened.slots,
                     .vocab_multiple = opened.form.vocab_multiple};
  if (opened.format == Opened::Format::hugging_face) {
    model.state = hf_state(opened);
    model.hf_model_id = target_path(path).string();
    take_hf_files(opened, model);
  } else {
    if (opened.state) model.state = *opened.state;
    model.state.family = opened.family->name;
    model.state.tool_version = version();
    model.tokenizer = travelling(opened.path, kTokenizerFolder);
    model.others = travelling(opened.path, kTravelFolder);
  }
  return model;
}

std::string differing(const TrainedModel& wanted, const Opened& opened) {
  Arch arch = wanted.arch;
  arch.max_positions = opened.arch.max_positions;
  arch.init_std = opened.arch.init_std;
  // A recipe says of a model what Megatron's settings can.
  const std::string part = difference(nearest_in_megatron(*opened.family, arch),
                                      nearest_in_megatron(*opened.family, opened.arch));
  if (part.empty()) return "";
  std::string settings = settings_apart(*opened.family, arch, opened.arch);
  return settings.empty() ? part : settings;
}

TrainedModel trained_model(const MegatronModel& model) {
  TrainedModel trained{.family = &family_named(model.family),
                       .arch = model.arch,
                       .slots = slots(model.arch),
                       .vocab_multiple = model.vocab_multiple};
  trained.state.family = model.family;
  trained.state.tool_version = version();
  return trained;
}

}  // namespace bascule
