// run_config.yaml, which Megatron Bridge keeps beside a checkpoint: written for Bridge 0.3.1 to
// load, and read from it, from Megatron Bridge's own trainings, and from us. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "families/family.h"
#include "families/megatron_config.h"

namespace bascule {

struct RunConfig {
  MegatronConfig model;
  std::string provider = {};     // the model's class; not written
  std::string hf_model_id = {};  // where Bridge looks for the Hugging Face model; may be empty
  bool has_tokenizer = false;    // tokenizer files lie beside it
  // What else the checkpoint holds: what the optimizer keeps, random states. Not read.
  bool has_optimizer = false, has_random_state = false;
  /// The families that the file can be of, their names sorted: one where it tells; several or none
  /// where it does not, so that someone must say. Not written.
  std::vector<std::string> families = {};
  /// Where none fits: the settings that keep the nearest from it. Not written.
  std::string unsaid = {};
};

/// The text of a run_config.yaml from which Megatron Bridge 0.3.1 builds the model (as far as
/// megatron_gaps allows). Throws Error{unsupported} for kinds of models that are not supported yet.
std::string run_config_yaml(const Family& family, const RunConfig& config);

/// Reads the text of `file`. Throws Error{format} when it is malformed and Error{unsupported} on a
/// provider, a setting or a combination that is not known.
RunConfig read_run_config(std::string_view text, const std::string& file);

/// Reads the settings of a model of `family` alone, those of `model:`, every one of which must be
/// understood, or be what Bridge would write of that model; `place` is for messages. Throws as
/// read_run_config, and Error{unsupported} where the family has no such model.
MegatronConfig read_model_settings(const Tree& settings, const Family& family,
                                   const std::string& place);

/// What is left of a model in Megatron's settings: read_run_config(run_config_yaml(...)).
/// Two models that Megatron cannot tell apart become equal.
Arch as_megatron_holds(const Family& family, const Arch& arch);
/// The same, and the model itself where Megatron cannot hold it at all.
Arch nearest_in_megatron(const Family& family, const Arch& arch);

}  // namespace bascule
