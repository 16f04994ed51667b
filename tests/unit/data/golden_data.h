// The datasets that Megatron wrote: see tests/golden/data/README.md.
#pragma once

#include <filesystem>

namespace bascule {

inline const std::filesystem::path kGoldenData = "tests/golden/data";

}  // namespace bascule
