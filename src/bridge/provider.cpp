#include "bridge/provider.h"

#include <algorithm>

#include "families/hf_config.h"
#include "families/run_config.h"

namespace bascule {
namespace {

constexpr const char* kClass = "_target_";

}  // namespace

ProvidedModel provided(const ModelOrigin& origin) {
  ProvidedModel found;
  if (origin.config.empty()) {
    found.opened = open_model(origin.path, {});
    found.model = trained_model(*found.opened, origin.path);
    found.dtype = found.opened->dtype;
  } else {
    const HfConfig config = read_hf_config(origin.config, "the configuration");
    found.model = trained_model(
        MegatronModel{.family = config.family->name, .arch = config.arch, .dtype = config.dtype});
    found.dtype = config.dtype;
  }
  if (found.dtype.empty()) found.dtype = "float32";
  const std::string text = run_config_yaml(
      *found.model.family, {.model = {.arch = found.model.arch,
                                      .dtype = found.dtype,
                                      .vocab_multiple = found.model.vocab_multiple}});
  found.run_config = parse_yaml(text, "run_config.yaml");
  found.settings = *found.run_config.find("model");
  found.settings.erase(kClass);
  return found;
}

void configure(ProvidedModel& provided, Tree settings) {
  if (settings == provided.settings) return;
  Tree all = settings, config = provided.run_config;
  all.set(kClass, *config.find("model")->find(kClass));
  config.set("model", std::move(all));
  const MegatronConfig read = read_run_config(to_yaml(config), "the provider").model;
  TrainedModel& model = provided.model;
  provided.changed = difference(read.arch, model.arch);
  provided.dtype = read.dtype;
  provided.settings = std::move(settings);
  model.vocab_multiple = read.vocab_multiple;
  if (provided.changed.empty()) return;
  model.arch = read.arch;
  model.slots = slots(read.arch);
  model.state.shards.clear();
  std::erase_if(model.others, [](const Travelling& file) { return file.to == kConfigFile; });
}

Dialect hf_names(const TrainedModel& model) {
  return hf_dialect(*model.family, model.arch, model.slots);
}

}  // namespace bascule
