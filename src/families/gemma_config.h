// What the configurations of Gemma 2 and 3 have in common.
#pragma once

#include "families/text_config.h"

namespace bascule {

struct GemmaDefaults {
  int64_t positions;
  std::optional<double> logit_cap;
};
/// All but windows, rope and the cap of scores; returns a layer without a window.
Layer gemma_config(ConfigIo& io, Arch& arch, const GemmaDefaults& defaults);

}  // namespace bascule
