// Writing a model as a Hugging Face directory: what an export does, and what a model in memory
// becomes.
#pragma once

#include <string>
#include <vector>

#include "bridge/special_tokens.h"
#include "bridge/trained_model.h"
#include "bridge/writing.h"

namespace bascule {

/// The model, and all that the directory is to hold beside its tensors.
struct HfRequest {
  const Family& family;
  const Arch& arch;
  Spelled model;                 // where its tensors lie, and how they are named there
  const State* state = nullptr;  // how its Hugging Face files were divided; null: not known
  std::string config_json;
  bool weights_alone = false;              // config_json is for the proof, not for the directory
  std::vector<Travelling> files = {};      // by their names in the directory
  std::filesystem::path read_from = {};    // the directory that it lies in, where it does
  std::vector<std::string> warnings = {};  // about config_json
  std::string identity;                    // partial work of another one is not resumed
};

/// Writes, proves and names `target`, and says in `outcome` what that did; `watch` goes on with it.
void write_hf(const HfRequest& request, const std::string& target, const Options& options,
              Reporter& reporter, Outcome& outcome, Stopwatch& watch);

/// A config.json made from the architecture, which `where` describes, and from what travels with
/// the model; `warnings` gets what could not be told.
std::string made_config(const std::string& where, const Family& family, const Arch& arch,
                        const std::string& dtype, const TravellingFiles& files,
                        std::vector<std::string>& warnings);

/// A config.json whose dtype, where it has one, is torch's `dtype`.
Tree with_dtype(Tree config, const std::string& dtype);

/// A model in memory, whose tensors `local` names in `source`, as a Hugging Face directory; `dtype`
/// is torch's name for that of its weights. It is read while it is written: nobody may change it.
/// With `weights_alone`, neither config.json nor what travels with the model is written.
Outcome export_model(const TrainedModel& model, const TensorSource& source, const Dialect& local,
                     const std::string& dtype, const std::string& target, const Options& options,
                     Reporter& reporter, bool weights_alone = false);

}  // namespace bascule
