// Settings that Megatron has and this engine has not, each with the reason; and those that have
// another name here. Constant tables; safe to use from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bascule {

/// Why a setting of Megatron Bridge 0.3.1 ("train.manual_gc", "ddp.bucket_size") does not exist
/// here, as the end of a sentence; empty for names that Megatron does not know either.
std::string_view why_unsupported(std::string_view path);

/// What a setting of Megatron's is called here: "train.eval_iters" is "validation.eval_iters". The
/// name itself for all others.
std::string_view name_here(std::string_view path);

/// Settings that are refused for one reason; "*" among the names is every one of the group.
struct UnsupportedKeys {
  std::string_view group;
  std::vector<std::string> names;
  std::string_view why;
};
std::vector<UnsupportedKeys> unsupported_keys();

struct RenamedKey {
  std::string_view theirs, ours;
};
std::span<const RenamedKey> renamed_keys();

}  // namespace bascule
