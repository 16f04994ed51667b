// How a run begins: from random values, from a model, or where an earlier run has stopped.
#pragma once

#include <filesystem>
#include <optional>

#include "bascule/reporter.h"
#include "recipe/resolve.h"
#include "train/stored_run.h"
#include "train/training.h"

namespace bascule {

/// The model that the settings describe. Throws Error{user} where they name no family.
TrainedModel described(const Settings& settings);

/// The model of the run that start() would begin: the recipe's, or that of the checkpoint that says
/// what it is. Throws Error as start().
TrainedModel model_to_train(const Settings& settings);

/// Resumes checkpoint.load where it holds a checkpoint; else takes the weights of
/// checkpoint.pretrained_checkpoint; else starts from random values. Throws Error{mismatch} when a
/// checkpoint is of another model or lacks what the optimizer keeps, Error{unsupported} when it
/// keeps that in a form that is not read.
Training start(const Settings& settings, Reporter& reporter);

/// The root that a run goes on from: checkpoint.load, where that holds a checkpoint; with
/// checkpoint.ckpt_step, that iteration. Throws Error{user} where one must be there.
std::optional<std::filesystem::path> to_resume(const CheckpointSettings& rules);

/// Takes what a checkpoint holds beside the weights, which the run has: with checkpoint.finetune
/// nothing.
void resume(const StoredRun& stored, const Settings& settings, Training& run);

}  // namespace bascule
