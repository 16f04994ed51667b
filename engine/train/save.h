// Writing a run as a Megatron checkpoint that resumes bit for bit. Free functions.
#pragma once

#include <filesystem>
#include <memory>

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

/// What a save writes: nothing in it refers to the run when its tensors are copied.
struct Snapshot;

/// Of the run now. `copied`: to the host's memory, so that the run may go on while another thread
/// writes; else it shares the run's tensors. Throws Error{environment} where memory for the copy is
/// lacking.
std::shared_ptr<const Snapshot> snapshot(const Training& run, const Resolved& resolved,
                                         bool copied);

/// Bytes of the host's memory that a copied snapshot takes. Of meta tensors, too.
int64_t copied_bytes(const Training& run, const Settings& settings);

/// Writes checkpoint.save/iter_NNNNNNN, moves the trackers, and removes iterations beyond
/// checkpoint.most_recent_k. With checkpoint.also_save_hf_checkpoint the folder hf in it is a
/// Hugging Face directory. Returns the iteration's directory. Any thread, one at a time.
std::filesystem::path write(const Snapshot& snapshot, Reporter& reporter);

}  // namespace bascule
