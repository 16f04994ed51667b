// Where a Megatron checkpoint says what model it holds: run_config.yaml, as Megatron Bridge and we
// write it, or Megatron-LM's arguments in the common state.
#pragma once

#include <filesystem>
#include <string>

#include "families/run_config.h"
#include "store/torch_dist/torch_dist_source.h"

namespace bascule {

/// Bytes that a configuration may have.
inline constexpr int64_t kConfigLimit = int64_t{16} << 20;

struct MegatronSettings {
  RunConfig config;
  std::string file;        // which says it, for messages
  bool from_args = false;  // Megatron-LM's
};

/// Reads them in the directory of one iteration, opened as `source`; run_config.yaml counts where
/// both are there. Throws Error{unsupported} where neither is, and as read_run_config() does.
MegatronSettings megatron_settings(const std::filesystem::path& iteration,
                                   const TorchDistSource& source);

}  // namespace bascule
