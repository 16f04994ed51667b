// Writing a run as a Megatron checkpoint that resumes bit for bit.
#pragma once

#include <filesystem>

#include "bascule/reporter.h"
#include "recipe/resolve.h"
#include "train/training.h"

namespace bascule {

/// The key of the common state, Megatron-LM's, that has them in full; train_state.pt rounds them to
/// fp32.
inline constexpr const char* kOperations = "num_floating_point_operations_so_far";

/// Throws Error{user, environment} where checkpoint.save is set and nothing can be written there:
/// better before training than after.
void check_save(const Settings& settings);

/// Writes checkpoint.save/iter_NNNNNNN, moves the trackers, and removes iterations beyond
/// checkpoint.most_recent_k. Returns the directory.
std::filesystem::path save(const Training& run, const Resolved& resolved, Reporter& reporter);

}  // namespace bascule
