// config.json of a Hugging Face model: read into an Arch, and written from one. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "families/family.h"

namespace bascule {

struct HfConfig {
  const Family* family = nullptr;
  Arch arch;
  std::string dtype;                      // "bfloat16"; empty when the file does not say
  Tree tree;                              // the whole file
  std::vector<std::string> ignored_keys;  // of those to ignore
};

/// Reads the text of `file`. Understands the keys of transformers 4 and 5.
/// Throws Error{format} when it is malformed, Error{unsupported} on an unknown architecture, on a
/// key that neither the family reads nor is known to be neutral, and on values that are not
/// supported. Keys in `ignore_keys` (dotted: "rope_scaling.finetuned") are as if they were absent;
/// Error{user} when one of them is absent indeed, or the model is another without it. `planned`
/// admits planned families.
HfConfig read_hf_config(std::string_view text, const std::string& file,
                        const std::vector<std::string>& ignore_keys = {}, bool planned = false);

/// Makes a config.json that transformers 4 and 5 both read as `arch`. Throws Error{unsupported}
/// when the family's keys cannot say all of it (but for what only trainings read).
Tree write_hf_config(const Family& family, const Arch& arch, const std::string& dtype);

/// What is left of a model in config.json of a family, which may lack keys for some of it. Throws
/// Error{unsupported} where the family's keys say no such model.
Arch as_hf_holds(const Family& family, const Arch& arch);

/// The first part in which two models differ, for a message: "the mixer of layer 3". Empty where
/// they compute the same from the same weights.
std::string difference(const Arch& one, const Arch& other);

/// Whether a config.json has the key at a dotted path, as `ignore_keys` names it.
bool has_key(const Tree& config, std::string_view path);

/// Of keys that are asked to be ignored and those that were ignored before: each one that a
/// config.json has, once.
std::vector<std::string> keys_to_ignore(const Tree& config, const std::vector<std::string>& asked,
                                        const std::vector<std::string>& before);

/// config.json as transformers writes it.
std::string hf_config_text(const Tree& config);

}  // namespace bascule
