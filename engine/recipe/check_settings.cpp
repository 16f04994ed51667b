#include "recipe/check_settings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/shown.h"
#include "recipe/batches.h"
#include "recipe/schedule.h"

namespace bascule {
namespace {

constexpr std::string_view kRecomputable[] = {"core_attn", "mlp", "moe"};
constexpr std::string_view kMegatronRecomputes[] = {"moe_act", "layernorm", "shared_experts",
                                                    "mla_up_proj"};

void check_length(const Settings& settings) {
  const TrainSettings& train = settings.train;
  require(train.train_iters || train.train_samples, Kind::user,
          "neither train.train_iters nor train.train_samples is set, so the run has no end");
  require(!train.train_iters || !train.train_samples, Kind::user,
          "train.train_iters is {} and train.train_samples is {}, but only one may be set",
          train.train_iters.value_or(0), train.train_samples.value_or(0));
  require(!train.train_samples || !train.rampup_batch_size, Kind::user,
          "train.rampup_batch_size needs train.train_iters; train.train_samples counts otherwise");
  batches(settings);
  require(train_iters(settings) >= 1, Kind::user,
          "train.train_samples is {}, less than one global batch of {}",
          train.train_samples.value_or(0), global_batch_size(settings));
}

void check_units(const Settings& settings) {
  const SchedulerSettings& given = settings.scheduler;
  const bool samples = settings.train.train_samples.has_value();
  const struct {
    const char* name;
    bool set, of_samples;
  } rows[] = {
      {"lr_decay_iters", given.lr_decay_iters.has_value(), false},
      {"lr_warmup_iters", given.lr_warmup_iters != 0, false},
      {"lr_wsd_decay_iters", given.lr_wsd_decay_iters.has_value(), false},
      {"lr_decay_samples", given.lr_decay_samples.has_value(), true},
      {"lr_warmup_samples", given.lr_warmup_samples != 0, true},
      {"lr_wsd_decay_samples", given.lr_wsd_decay_samples.has_value(), true},
  };
  for (const auto& row : rows)
    require(!row.set || row.of_samples == samples, Kind::user,
            "scheduler.{} is set, but the run is counted in {} (train.{})", row.name,
            samples ? "samples" : "iterations", samples ? "train_samples" : "train_iters");
  require(!given.lr_warmup_fraction || (given.lr_warmup_iters == 0 && given.lr_warmup_samples == 0),
          Kind::user, "scheduler.lr_warmup_fraction is {}, but a length of the warmup is set, too",
          given.lr_warmup_fraction.value_or(0));
  require(given.lr_decay_style != DecayStyle::wsd || given.lr_wsd_decay_iters ||
              given.lr_wsd_decay_samples,
          Kind::user, "scheduler.lr_decay_style is WSD, but scheduler.lr_wsd_decay_{} is not set",
          samples ? "samples" : "iters");
}

void check_schedule(const Settings& settings, std::vector<std::string>& notes) {
  const SchedulerSettings& given = settings.scheduler;
  check_units(settings);
  const Schedule made = schedule(settings);
  require(made.min_lr <= made.max_lr, Kind::user, "optimizer.min_lr is {}, above optimizer.lr, {}",
          made.min_lr, made.max_lr);
  require(made.init_lr <= made.max_lr, Kind::user,
          "scheduler.lr_warmup_init is {}, above optimizer.lr, {}", made.init_lr, made.max_lr);
  require(made.start_weight_decay <= made.end_weight_decay, Kind::user,
          "weight decay starts at {}, above its end, {}", made.start_weight_decay,
          made.end_weight_decay);
  require(given.weight_decay_incr_style != IncreaseStyle::constant ||
              made.start_weight_decay == made.end_weight_decay,
          Kind::user,
          "weight decay goes from {} to {}, but scheduler.weight_decay_incr_style is constant",
          made.start_weight_decay, made.end_weight_decay);
  require(!given.override_opt_param_scheduler || !given.use_checkpoint_opt_param_scheduler,
          Kind::user,
          "scheduler.override_opt_param_scheduler and use_checkpoint_opt_param_scheduler are both "
          "true, but only one can win");
  if (given.start_weight_decay || given.end_weight_decay)
    notes.push_back(fmt::format(
        "weight decay is the scheduler's, {} to {}, not optimizer.weight_decay, {}",
        made.start_weight_decay, made.end_weight_decay, settings.optimizer.weight_decay));
  const int64_t asked = settings.train.train_samples
                            ? given.lr_warmup_samples
                            : given.lr_warmup_iters * global_batch_size(settings);
  if (!given.lr_warmup_fraction && static_cast<double>(asked) > made.warmup_steps)
    notes.push_back(fmt::format(
        "the warmup of {} samples (scheduler.{}) is as long as the decay or longer, and "
        "is cut to {}",
        asked, settings.train.train_samples ? "lr_warmup_samples" : "lr_warmup_iters",
        made.warmup_steps));
}

void check_optimizer(const OptimizerSettings& given) {
  require(given.adam_beta1 < 1 && given.adam_beta2 < 1, Kind::user,
          "optimizer.adam_beta1 is {} and adam_beta2 is {}, but both must be below 1",
          given.adam_beta1, given.adam_beta2);
}

void check_parallel(const ModelSettings& model) {
  const std::pair<const char*, int64_t> sizes[] = {
      {"tensor_model_parallel_size", model.tensor_model_parallel_size},
      {"pipeline_model_parallel_size", model.pipeline_model_parallel_size},
      {"virtual_pipeline_model_parallel_size",
       model.virtual_pipeline_model_parallel_size.value_or(1)},
      {"context_parallel_size", model.context_parallel_size},
      {"expert_model_parallel_size", model.expert_model_parallel_size},
      {"expert_tensor_parallel_size", model.expert_tensor_parallel_size.value_or(1)},
  };
  for (const auto& [name, size] : sizes)
    require(size == 1, Kind::unsupported,
            "model.{} is {}, but training runs on one device so far; set it to 1", name, size);
  require(!model.sequence_parallel, Kind::unsupported,
          "model.sequence_parallel is true, but training runs on one device so far");
}

void check_recompute(const ModelSettings& model) {
  const bool full = model.recompute_granularity == RecomputeGranularity::full;
  const bool selective = model.recompute_granularity == RecomputeGranularity::selective;
  require(!full || (model.recompute_method && model.recompute_num_layers), Kind::user,
          "model.recompute_granularity is full, which needs model.recompute_method and "
          "model.recompute_num_layers");
  require(full || (!model.recompute_method && !model.recompute_num_layers), Kind::user,
          "model.recompute_method and recompute_num_layers need "
          "model.recompute_granularity=full");
  require(selective || !model.recompute_modules, Kind::user,
          "model.recompute_modules needs model.recompute_granularity=selective");
  for (const std::string& name : model.recompute_modules.value_or(std::vector<std::string>())) {
    require(std::ranges::find(kMegatronRecomputes, name) == std::end(kMegatronRecomputes),
            Kind::unsupported,
            "model.recompute_modules names {}, which is not recomputed apart here; name one of {}, "
            "or set model.recompute_granularity=full",
            name, fmt::join(kRecomputable, ", "));
    require(std::ranges::find(kRecomputable, name) != std::end(kRecomputable), Kind::user,
            "model.recompute_modules names {}; accepted are {}", shown(name),
            fmt::join(kRecomputable, ", "));
  }
}

/// What a model is made of must be said, or be found in a checkpoint.
void check_architecture(const Settings& settings) {
  const ModelSettings& model = settings.model;
  const bool found = settings.checkpoint.pretrained_checkpoint || settings.checkpoint.load;
  if (found && !model.family) return;
  require(model.family.has_value(), Kind::user,
          "model.family is not set: base the recipe on a model's, set it to one of `bascule "
          "models`, or name a model with checkpoint.pretrained_checkpoint");
  const std::pair<const char*, bool> needed[] = {
      {"num_layers", model.num_layers.has_value()},
      {"hidden_size", model.hidden_size.has_value()},
      {"num_attention_heads", model.num_attention_heads.has_value()},
      {"vocab_size", model.vocab_size.has_value()},
  };
  for (const auto& [name, set] : needed)
    require(set, Kind::user, "model.{} is not set: base the recipe on a model's, or set it", name);
}

void check_data(const Settings& settings) {
  const DatasetSettings& data = settings.dataset;
  const TokenizerSettings& tokenizer = settings.tokenizer;
  require(!data.seq_length || *data.seq_length == settings.model.seq_length, Kind::user,
          "dataset.seq_length is {}, but model.seq_length is {}; leave the first out",
          data.seq_length.value_or(0), settings.model.seq_length);
  require(!data.blend || !data.blend_per_split, Kind::user,
          "dataset.blend and dataset.blend_per_split are both set, but only one may be");
  if (data.blend_per_split) {
    require(data.blend_per_split->size() == 3, Kind::user,
            "dataset.blend_per_split has {} blends, but three are needed: training, validation, "
            "test",
            data.blend_per_split->size());
    require(!data.split, Kind::user,
            "dataset.split divides one blend, but dataset.blend_per_split is set; add "
            "dataset.split=null");
  } else {
    require(data.split.has_value(), Kind::user, "dataset.split is not set; \"9999,8,2\" is usual");
  }
  const bool ends = tokenizer.tokenizer_type || tokenizer.eod_id;
  require(ends || !(data.reset_position_ids || data.reset_attention_mask || data.eod_mask_loss),
          Kind::user,
          "dataset.reset_position_ids, reset_attention_mask and eod_mask_loss need to know what "
          "ends a document: set tokenizer.tokenizer_type or tokenizer.eod_id");
  require(tokenizer.tokenizer_type != TokenizerType::none || tokenizer.vocab_size, Kind::user,
          "tokenizer.tokenizer_type is NullTokenizer, which needs tokenizer.vocab_size");
  require(tokenizer.tokenizer_type == TokenizerType::hugging_face || !tokenizer.tokenizer_model,
          Kind::user,
          "tokenizer.tokenizer_model is {}, which needs "
          "tokenizer.tokenizer_type=HuggingFaceTokenizer",
          tokenizer.tokenizer_model.value_or(""));
  require(tokenizer.tokenizer_type != TokenizerType::hugging_face || tokenizer.tokenizer_model,
          Kind::user,
          "tokenizer.tokenizer_type is HuggingFaceTokenizer, which needs "
          "tokenizer.tokenizer_model, a directory");
  // Where a checkpoint gives the model, the data are checked against it later.
  const int64_t vocab = settings.model.vocab_size.value_or(std::numeric_limits<int64_t>::max());
  require(!tokenizer.eod_id || *tokenizer.eod_id < vocab, Kind::user,
          "tokenizer.eod_id is {}, but model.vocab_size is {}", tokenizer.eod_id.value_or(0),
          vocab);
  require(!tokenizer.vocab_size || *tokenizer.vocab_size <= vocab, Kind::user,
          "tokenizer.vocab_size is {}, but model.vocab_size is {}",
          tokenizer.vocab_size.value_or(0), vocab);
}

/// Settings that are of the data and of the loop, though Megatron has them in its model.
constexpr std::string_view kOfAnyModel[] = {"model.seq_length", "model.vocab_size",
                                            "model.deterministic_mode"};

/// With a model that a program has, settings of another would be ignored.
void check_no_model(const Settings& settings) {
  Settings given = settings, unset;
  const std::vector<Field> usual = fields_of(unset);
  for (size_t i = 0; const Field& field : fields_of(given)) {
    const bool any = std::ranges::find(kOfAnyModel, field.path) != std::end(kOfAnyModel);
    const bool same = field.get() == usual[i++].get();
    require(any || field.group() != "model" || same, Kind::user,
            "{} is {}, but the model is a module of the program's; leave the settings of a model "
            "out: bascule.ConfigContainer() begins without",
            field.path, brief(field.get()));
  }
}

struct Service {
  std::string_view name;
  const std::optional<std::string>& wanted;
  const char* setting;
};

std::vector<Service> services(const LoggerSettings& logger) {
  return {{"Weights & Biases", logger.wandb_project, "wandb_project"},
          {"MLflow", logger.mlflow_experiment, "mlflow_experiment"},
          {"Comet", logger.comet_project, "comet_project"}};
}

void check_services(const Settings& settings) {
  const LoggerSettings& logger = settings.logger;
  require(!logger.mlflow_experiment || !logger.mlflow_run_name.value_or("").empty(), Kind::user,
          "logger.mlflow_experiment is {}, which needs logger.mlflow_run_name",
          logger.mlflow_experiment.value_or(""));
  require(!logger.comet_project || !logger.comet_experiment_name.value_or("").empty(), Kind::user,
          "logger.comet_project is {}, which needs logger.comet_experiment_name",
          logger.comet_project.value_or(""));
  require(
      !logger.wandb_project || logger.wandb_exp_name != "", Kind::user,
      "logger.wandb_exp_name is empty; name the run, or leave it out and Weights & Biases does");
  const struct {
    const char *set, *needed;
    bool wrong;
  } rows[] = {
      {"wandb_exp_name", "wandb_project", logger.wandb_exp_name && !logger.wandb_project},
      {"wandb_save_dir", "wandb_project", logger.wandb_save_dir && !logger.wandb_project},
      {"wandb_entity", "wandb_project", logger.wandb_entity && !logger.wandb_project},
      {"mlflow_run_name", "mlflow_experiment", logger.mlflow_run_name && !logger.mlflow_experiment},
      {"mlflow_tracking_uri", "mlflow_experiment",
       logger.mlflow_tracking_uri && !logger.mlflow_experiment},
      {"mlflow_tags", "mlflow_experiment", logger.mlflow_tags && !logger.mlflow_experiment},
      {"comet_experiment_name", "comet_project",
       logger.comet_experiment_name && !logger.comet_project},
      {"comet_workspace", "comet_project", logger.comet_workspace && !logger.comet_project},
      {"comet_tags", "comet_project", logger.comet_tags && !logger.comet_project},
  };
  for (const auto& row : rows)
    require(!row.wrong, Kind::user, "logger.{} is set, but nothing goes there without logger.{}",
            row.set, row.needed);
}

void check_checkpoint(const CheckpointSettings& given) {
  require(!given.ckpt_step || given.load, Kind::user,
          "checkpoint.ckpt_step is {}, but checkpoint.load is not set",
          given.ckpt_step.value_or(0));
  require(!given.exit_on_missing_checkpoint || given.load, Kind::user,
          "checkpoint.exit_on_missing_checkpoint is true, but checkpoint.load is not set");
  require(!given.async_save || given.save, Kind::user,
          "checkpoint.async_save is true, but checkpoint.save is not set");
  require(!given.also_save_hf_checkpoint || given.save, Kind::user,
          "checkpoint.also_save_hf_checkpoint is true, but checkpoint.save is not set");
  require(given.most_recent_k != 0, Kind::user,
          "checkpoint.most_recent_k is 0; accepted is at least 1, or -1 to keep all");
}

}  // namespace

void check_model(const ModelSettings& model) {
  require(!model.max_position_embeddings || *model.max_position_embeddings >= model.seq_length,
          Kind::user,
          "model.seq_length is {}, but the model is made for {} positions "
          "(model.max_position_embeddings)",
          model.seq_length, model.max_position_embeddings.value_or(0));
  require(model.moe_token_drop_policy == TokenDropPolicy::probs || model.moe_expert_capacity_factor,
          Kind::user,
          "model.moe_token_drop_policy is position, but no token is dropped without "
          "model.moe_expert_capacity_factor");
  require(!model.moe_pad_expert_input_to_capacity || model.moe_expert_capacity_factor, Kind::user,
          "model.moe_pad_expert_input_to_capacity is true, but there is no capacity without "
          "model.moe_expert_capacity_factor");
  check_parallel(model);
  check_recompute(model);
}

void check_without_python(const Settings& settings) {
  for (const Service& service : services(settings.logger))
    require(!service.wanted, Kind::unsupported,
            "logger.{} is {}, and {} has a client for Python only: train with bascule.pretrain(), "
            "or leave it out",
            service.setting, service.wanted.value_or(""), service.name);
}

std::vector<std::string> check_settings(const Settings& settings, ModelFrom from) {
  std::vector<std::string> notes;
  check_length(settings);
  check_optimizer(settings.optimizer);
  check_schedule(settings, notes);
  if (from == ModelFrom::settings)
    check_architecture(settings);
  else
    check_no_model(settings);
  check_model(settings.model);
  check_data(settings);
  check_checkpoint(settings.checkpoint);
  check_services(settings);
  const ProfilingSettings& profile = settings.profiling;
  require(!profile.use_pytorch_profiler || !profile.nvtx_ranges, Kind::user,
          "profiling.use_pytorch_profiler and nvtx_ranges are both true, but one profiler can "
          "watch at a time; set one to false");
  require(profile.profile_step_start <= profile.profile_step_end, Kind::user,
          "profiling.profile_step_start is {}, after profile_step_end, {}",
          profile.profile_step_start, profile.profile_step_end);
  return notes;
}

}  // namespace bascule
