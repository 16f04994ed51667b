// Why no family can be that of a Megatron checkpoint: the settings that no config.json can say.
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

}  // namespace bascule
