// Megatron's settings of a model (`model:` of run_config.yaml) and what they mean, both ways: as
// Megatron-Core 0.16.1 and Megatron Bridge 0.3.1 name and read them. Pure functions of values.
#pragma once

#include <cstdint>
#include <string>

#include "families/megatron_provider.h"
#include "model/arch.h"
#include "settings/config_io.h"

namespace bascule {

/// What the settings say.
struct MegatronConfig {
  Arch arch = {};
  std::string dtype = "bfloat16";  // torch's name
  int64_t vocab_multiple = 1;      // the vocabulary is padded to a multiple of it
};

/// How `window_size` is meant. Megatron-Core lets a query see window_size keys before its own;
/// Bridge writes the number of keys that transformers counts, its own included, all the same.
enum class WindowCount { keys_before, as_bridge_writes };

/// Reads or writes the settings that make a model of this provider. Reading throws Error{format}
/// or Error{unsupported}, naming file, key and value, on settings that are wrong or not understood;
/// writing throws Error{unsupported} on layers that no setting can describe. What Megatron cannot
/// express but can load (see megatron_gaps.h) is written as the nearest that it can.
void megatron_config(ConfigIo& io, const Provider& provider, WindowCount count,
                     MegatronConfig& config);

/// True where the model needs kYarnProvider in place of the family's.
bool needs_yarn_provider(const Provider& provider, const Arch& arch);

}  // namespace bascule
