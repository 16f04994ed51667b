// Settings that Megatron has and this engine has not, each with the reason; and those that have
// another name here. Constant tables; safe to use from any thread.
#pragma once

#include <string_view>

namespace bascule {

/// Why a setting of Megatron Bridge 0.3.1 ("train.manual_gc", "ddp.bucket_size") does not exist
/// here, as the end of a sentence; empty for names that Megatron does not know either.
std::string_view why_unsupported(std::string_view path);

/// What a setting of Megatron's is called here: "train.eval_iters" is "validation.eval_iters". The
/// name itself for all others.
std::string_view name_here(std::string_view path);

}  // namespace bascule
