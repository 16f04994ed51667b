// One iteration of a training run as a Megatron torch_dist checkpoint: weights, what the optimizer
// keeps of each (`fully_reshardable`), counters. Free functions; one thread a target.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/staged_file.h"
#include "bridge/trained_model.h"
#include "store/torch_dist/pickle_value.h"
#include "store/torch_dist/random_state.h"
#include "store/torch_dist/train_state.h"

namespace bascule {

/// Prefixes of the keys under which the optimizer's tensors lie.
inline constexpr const char* kMasters = "optimizer.state.param.";
inline constexpr const char* kFirstMoments = "optimizer.state.exp_avg.";
inline constexpr const char* kSecondMoments = "optimizer.state.exp_avg_sq.";

/// What a rank holds. `source` has every tensor of `local` under its name and, for each of
/// `trained`, the optimizer's tensors under PREFIX + name.
struct RankTensors {
  const TensorSource& source;
  const Dialect& local;
  Shards shards = {};
  std::vector<std::string> trained = {};  // names; empty: no optimizer state
  std::vector<std::string> prefixes = {};
};

/// How a checkpoint spells what is trained, and what it holds to say what that is.
struct CheckpointForm {
  Dialect global;
  std::vector<std::pair<std::string, std::string>> files = {};  // small ones: name, bytes
  std::vector<Travelling> travelling = {};
};

/// What else a checkpoint holds beside weights.
struct Besides {
  bool optimizer = false, random_state = false;
};

/// The form of a model, whose weights are of `dtype`, torch's name: Megatron's.
CheckpointForm checkpoint_form(const TrainedModel& model, const std::string& dtype,
                               const Besides& besides);

struct TrainingCheckpoint {
  int64_t iteration = 0;
  TrainState train_state = {};
  /// Joins the common state: "optimizer", "opt_param_scheduler".
  std::vector<std::pair<std::string, pickle::Value>> common = {};
  std::optional<RandomState> random = {};
  std::vector<std::pair<std::string, std::string>> files = {};  // small ones: name, bytes
  bool with_hf = false;  // what export_checkpoint() makes of it, too, in its folder kHfFolder
};

inline constexpr const char* kHfFolder = "hf/";

/// Writes ROOT/iter_NNNNNNN and, once it has its name, moves the root's trackers. An iteration of
/// that name is replaced. What an earlier attempt left behind is removed, and so is what this one
/// has written when it fails. Returns the directory.
std::filesystem::path save_training_checkpoint(const std::filesystem::path& root,
                                               const Slots& slots, const CheckpointForm& form,
                                               const RankTensors& tensors,
                                               const TrainingCheckpoint& checkpoint,
                                               Reporter& reporter);

/// How the optimizer's tensors under `prefix` are spelled in a checkpoint that spells weights as
/// `dialect` does: the rows of parameters that have them. Throws Error{mismatch} where the
/// checkpoint lacks one of `trained`, or has another shape.
Dialect optimizer_dialect(const Dialect& dialect, const std::string& prefix);

/// Removes an iteration: it loses its name first, so that none is ever there in part.
void remove_iteration(const std::filesystem::path& iteration);

/// A root's trackers, on their way to an iteration: written before it has its name, so that a full
/// disk does not leave it without them.
class Trackers {
 public:
  /// `iteration` is a directory that holds what the iteration will.
  Trackers(const std::filesystem::path& root, const std::filesystem::path& iteration,
           int64_t number);
  void move();

 private:
  StagedFile state_, number_;
};

}  // namespace bascule
