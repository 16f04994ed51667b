// A model as the settings of a Megatron Bridge provider, which people change, and back.
#pragma once

#include <optional>
#include <string>

#include "bridge/opened.h"
#include "bridge/trained_model.h"

namespace bascule {

/// Where a model comes from: a Hugging Face directory, a cached hub id or a Megatron checkpoint; or
/// the text of a config.json, which has no weights.
struct ModelOrigin {
  std::string path = {}, config = {};
};

struct ProvidedModel {
  TrainedModel model = {};
  std::string dtype = {};             // torch's name
  std::optional<Opened> opened = {};  // none of a configuration alone
  Tree run_config = {};               // as Megatron Bridge would keep it
  Tree settings = {};                 // of it, the provider's, but for its class
  std::string changed = {};           // what about the model is another than the origin's; or empty
};

/// The model of an origin, and its provider's settings.
ProvidedModel provided(const ModelOrigin& origin);

/// The same provider with other settings. What no longer fits the model, such as its config.json,
/// does not travel on. Throws as read_run_config().
void configure(ProvidedModel& provided, Tree settings);

/// How Hugging Face names the tensors of a model.
Dialect hf_names(const TrainedModel& model);

}  // namespace bascule
