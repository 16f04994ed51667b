// Where Megatron-Core 0.16.1 and Megatron Bridge 0.3.1 build another model than transformers does.
// Pure functions.
#pragma once

#include <string>
#include <vector>

#include "families/family.h"

namespace bascule {

/// One sentence for each setting of the model that no Megatron configuration expresses: the
/// setting, its value, Megatron's, and what differs. Weights can be converted all the same. Empty:
/// the run_config.yaml that we write gives transformers' logits.
std::vector<std::string> megatron_gaps(const Family& family, const Arch& arch);

}  // namespace bascule
