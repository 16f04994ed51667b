// What transformers computes of a Hugging Face directory. A free function without state.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <vector>

namespace bascule {

/// The logits [tokens, vocabulary] in fp32 of `sequences` sequences of equal length, from
/// transformers in a Python process. Throws Error{environment} where that does not run.
at::Tensor transformers_logits(const std::filesystem::path& directory,
                               const std::vector<int64_t>& tokens, int64_t sequences,
                               int64_t vocabulary);

}  // namespace bascule
