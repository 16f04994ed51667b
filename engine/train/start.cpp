#include "train/start.h"

#include <filesystem>

#include "base/check.h"
#include "store/hf_directory.h"
#include "train/optimizer_state.h"
#include "train/save.h"
#include "train/saved_schedule.h"
#include "train/weights.h"

namespace bascule {
namespace {

namespace fs = std::filesystem;

void require_one_model(const Opened& opened, const TrainedModel& wanted, const std::string& what,
                       const std::string& remedy) {
  require_same_model(opened, wanted, what, remedy);
  const std::string apart = differing(wanted, opened);
  require(apart.empty(), Kind::mismatch, "{} are of another model than {}: {}; {}", what,
          opened.path.string(), apart, remedy);
}

/// The recipe's model and that of a checkpoint must be one, where the recipe has one.
void require_same_model(const Settings& settings, const Opened& opened) {
  if (!settings.model.family) return;
  require_one_model(opened, described(settings), "the settings",
                    "set what the checkpoint has, or name its recipe, or another checkpoint");
}

/// What is resumed must be of the model that the run began with, as far as that is there still.
void require_model_of_beginning(const Settings& settings, const Opened& opened) {
  const auto& begun = settings.checkpoint.pretrained_checkpoint;
  std::error_code ignored;
  if (settings.model.family || !begun || !fs::exists(*begun, ignored)) return;
  require_one_model(opened, trained_model(open_model(*begun, {}), *begun),
                    fmt::format("the weights of checkpoint.pretrained_checkpoint, {},", *begun),
                    "name the model that the run began with, or another checkpoint.load");
}

/// The weights, rounded to the run's dtype; masters begin as what that gives, as Megatron's do.
void take_weights(const Opened& opened, Training& run) {
  take_weights(opened, *run.model, *run.parameters);
  run.optimizer->take_masters();
}

/// A run of Megatron's on a CPU has no states with a name, and Megatron takes none for an error.
void take_random_state(const StoredRun& stored, Training& run) {
  auto held = in_context(fmt::format("the random states of {}, which checkpoint.load_rng=false "
                                     "leaves alone",
                                     stored.path.string()),
                         [&] { return read_random_state(stored.dist); });
  if (!held) return;
  if (held->named.empty()) held->named = run.random.named;
  run.random = std::move(*held);
}

/// An absent folder, and one without a checkpoint, are where a run begins anew; a model of Hugging
/// Face's is one that somebody means to begin with.
bool has_checkpoint(const std::string& root) {
  std::error_code ignored;
  if (!fs::exists(root, ignored)) return false;
  if (is_megatron(root)) return true;
  require(
      !is_hf_directory(root), Kind::user,
      "checkpoint.load {} is a Hugging Face directory, and no run is resumed from one; to begin "
      "with its weights, name it as checkpoint.pretrained_checkpoint",
      root);
  return false;
}

Training resumed(const fs::path& path, const Settings& settings) {
  const Opened opened = open_megatron(path, {});
  require_same_model(settings, opened);
  require_model_of_beginning(settings, opened);
  Training run = make_training(trained_model(opened, path.string()), settings);
  take_weights(opened, run);
  resume(stored_run(opened), settings, run);
  return run;
}

Training from_model(const Settings& settings) {
  const std::string& path = *settings.checkpoint.pretrained_checkpoint;
  const Opened opened = open_model(path, {});
  require_same_model(settings, opened);
  Training run = make_training(trained_model(opened, path), settings);
  take_weights(opened, run);
  run.begun = fmt::format("weights from {}", opened.path.string());
  return run;
}

Training from_random_values(const Settings& settings) {
  Training run = make_training(described(settings), settings);
  take_random_weights(static_cast<uint64_t>(settings.rng.seed), *run.model, *run.parameters);
  run.optimizer->take_masters();
  run.begun = fmt::format("random weights of seed {}", settings.rng.seed);
  return run;
}

}  // namespace

TrainedModel described(const Settings& settings) {
  require(settings.model.family.has_value(), Kind::user,
          "the settings say no model: name a recipe of one, or checkpoint.pretrained_checkpoint");
  return trained_model(
      megatron_model(architecture(settings), *settings.model.family, "the recipe's model"));
}

TrainedModel model_to_train(const Settings& settings) {
  if (settings.model.family) return described(settings);
  const CheckpointSettings& rules = settings.checkpoint;
  if (const auto root = to_resume(rules))
    return trained_model(open_megatron(*root, {}), root->string());
  if (const auto& path = rules.pretrained_checkpoint)
    return trained_model(open_model(*path, {}), *path);
  return described(settings);
}

std::optional<fs::path> to_resume(const CheckpointSettings& rules) {
  if (!rules.load) return std::nullopt;
  if (!has_checkpoint(*rules.load)) {
    require(!rules.exit_on_missing_checkpoint, Kind::user,
            "{} holds no checkpoint, and checkpoint.exit_on_missing_checkpoint is set",
            *rules.load);
    return std::nullopt;
  }
  fs::path path = *rules.load;
  if (rules.ckpt_step) path /= fmt::format("iter_{:07}", *rules.ckpt_step);
  return path;
}

void resume(const StoredRun& stored, const Settings& settings, Training& run) {
  const CheckpointSettings& rules = settings.checkpoint;
  if (rules.finetune) {
    run.begun = fmt::format("weights from {}", stored.path.string());
    return;
  }
  if (const auto state = stored.dist.train_state()) run.counters = *state;
  if (const auto& common = stored.dist.common())
    if (const auto operations = common->find(kOperations))
      run.counters.floating_point_operations_so_far = operations->number();
  if (rules.load_optim) {
    take_optimizer(stored, run);
    run.schedule = resumed_schedule(stored, settings);
    run.scheduled = resumed_steps(stored).value_or(run.counters.consumed_train_samples);
  }
  if (rules.load_rng) take_random_state(stored, run);
  run.counters.do_train = true;
  run.begun = fmt::format("resumed {} at step {}", stored.path.string(), run.counters.step);
}

Training start(const Settings& settings, Reporter&) {
  if (const auto root = to_resume(settings.checkpoint)) return resumed(*root, settings);
  if (settings.checkpoint.pretrained_checkpoint) return from_model(settings);
  return from_random_values(settings);
}

}  // namespace bascule
