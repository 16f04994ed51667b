// A model from settings in Megatron's names: how a recipe's `model:` becomes an Arch. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "model/arch.h"
#include "settings/tree.h"

namespace bascule {

struct MegatronModel {
  std::string family;
  Arch arch;
  int64_t vocab_multiple = 1;  // the vocabulary is padded to a multiple of it
  std::string dtype;           // torch's name
};

/// Reads settings as run_config.yaml has them under `model` (without `_target_`); `place` is for
/// messages. Throws Error{format} or Error{unsupported}, naming the setting and its value, where
/// they are wrong, not understood, or make no model of this family.
MegatronModel megatron_model(const Tree& settings, const std::string& family,
                             const std::string& place);

}  // namespace bascule
