// Where two models differ, in Megatron's settings: of two that should be one, or of a Megatron
// checkpoint and what config.json of a family can say.
#pragma once

#include <string>
#include <vector>

#include "families/family.h"
#include "families/megatron_config.h"

namespace bascule {

/// The settings of `model` (that section of run_config.yaml, which reads as `config`) which the
/// nearest of `families` lacks, and what it has in their place; empty where none comes near.
std::string unsaid_settings(const Tree& model, const MegatronConfig& config,
                            const Provider& provider, const std::vector<const Family*>& families);

/// "model.kv_channels is 16, not 32; ...": the settings in which a model of `family` differs from
/// `other`; empty where none does.
std::string settings_apart(const Family& family, const Arch& arch, const Arch& other);

}  // namespace bascule
