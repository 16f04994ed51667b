// The other formats in which Megatron writes checkpoints, recognised so that they are refused with
// a remedy. Reads names of files only.
#pragma once

#include <filesystem>

namespace bascule {

enum class OtherFormat {
  none,
  torch,         // mp_rank_XX/model_optim_rng.pt: a pickle for each rank
  fsdp_dtensor,  // torch.distributed.checkpoint of a Megatron-FSDP or FSDP2 run: no metadata.json
};

/// What one iteration's directory is.
OtherFormat other_format(const std::filesystem::path& directory);

/// Throws Error{unsupported}, naming the directory, its format and the remedy, where it is one.
void refuse_other_format(const std::filesystem::path& directory);

}  // namespace bascule
