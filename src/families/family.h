// A model family: all that is known of it that is Hugging Face's. A constant table, made once;
// safe to use from any thread.
#pragma once

#include <string>
#include <vector>

#include "model/dialect.h"
#include "settings/config_io.h"

namespace bascule {

struct Family {
  std::string name;                        // "qwen3_moe"
  std::string title;                       // "Qwen3-MoE", for people
  std::vector<std::string> architectures;  // of config.json; the first is written
  std::string model_type;                  // of config.json
  std::string provider;                    // `model._target_` in Megatron Bridge 0.3.1's run_config
  void (*config)(ConfigIo& io, Arch& arch);  // config.json, in both directions
  Dialect (*hf)(const Arch& arch);           // the names of Hugging Face's tensors
  /// What no public source confirms, as the fixtures say: "MODEL: key, key".
  std::vector<std::string> unconfirmed = {};
  bool planned = false;  // known well enough to plan, not yet to convert
};

/// All families in the order of families.def, planned ones included.
const std::vector<Family>& families();

/// The family of a name (architecture). Throws Error{unsupported}, listing what is supported and
/// naming the nearest, when there is none or it is only planned; `planned` admits these.
const Family& family_named(const std::string& name, bool planned = false);
const Family& family_of_architecture(const std::string& architecture, bool planned = false);

/// The families that Megatron Bridge builds with this provider class. Bridge names a class of its
/// own for some; several share the general ones.
std::vector<const Family*> families_of_provider(const std::string& target);

/// Every tensor of the model in a Hugging Face directory, expanded.
Dialect hf_dialect(const Family& family, const Arch& arch, const Slots& slots);

}  // namespace bascule
