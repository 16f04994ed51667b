// All settings of a training run, typed, with the names and defaults of Megatron Bridge 0.3.1
// unless a help text says otherwise. Every struct lists its fields once; YAML, overrides, help,
// JSON schema and docs/settings.md come from that list. Values, immutable once resolved
// (resolve.h); derived values are the functions below and schedule.h, batches.h, flops.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recipe/blend.h"
#include "recipe/choices.h"
#include "recipe/field.h"
#include "recipe/model_settings.h"

namespace bascule {

struct TrainSettings {
  std::optional<int64_t> micro_batch_size, global_batch_size, train_iters, train_samples;
  std::optional<std::vector<int64_t>> rampup_batch_size;
  std::optional<int64_t> exit_interval;
  std::optional<double> exit_duration_in_mins;
  bool exit_signal_handler = false;
  bool operator==(const TrainSettings&) const = default;

  void fields(auto& field) {
    field("micro_batch_size", micro_batch_size, "sequences that are computed at once; required",
          at_least(1));
    field("global_batch_size", global_batch_size,
          "sequences a step, accumulated over micro batches; null: micro_batch_size", at_least(1));
    field("rampup_batch_size", rampup_batch_size,
          "[start, increment, samples]: the global batch grows over the first samples",
          at_least(0));
    field("train_iters", train_iters, "steps of the whole run; this or train_samples", at_least(1));
    field("train_samples", train_samples, "sequences of the whole run", at_least(1));
    field("exit_interval", exit_interval, "save and stop after a step that this divides",
          at_least(1));
    field("exit_duration_in_mins", exit_duration_in_mins,
          "save and stop after so many minutes; Megatron takes whole ones only", above(0));
    field("exit_signal_handler", exit_signal_handler,
          "save and stop on SIGTERM and, outside of Python, on SIGINT");
  }
};

struct ValidationSettings {
  int64_t eval_iters = 100;
  std::optional<int64_t> eval_interval = 1000;
  bool skip_train = false;
  bool operator==(const ValidationSettings&) const = default;

  void fields(auto& field) {
    field("eval_iters", eval_iters, "global batches of an evaluation; 0: none is made",
          at_least(0));
    field("eval_interval", eval_interval, "steps between evaluations; null: only at the end",
          at_least(1));
    field("skip_train", skip_train, "only evaluate");
  }
};

struct OptimizerSettings {
  OptimizerKind optimizer = OptimizerKind::adam;
  std::optional<double> lr, min_lr;
  double weight_decay = 0.01, adam_beta1 = 0.9, adam_beta2 = 0.999, adam_eps = 1e-8;
  double clip_grad = 1.0;
  bool log_num_zeros_in_grad = false;
  bool operator==(const OptimizerSettings&) const = default;

  void fields(auto& field) {
    field("optimizer", optimizer, "AdamW: weight decay is apart from the gradient");
    field("lr", lr, "peak learning rate; required", at_least(0));
    field("min_lr", min_lr, "the least that decay reaches; null: 0 (Megatron then fails)",
          at_least(0));
    field("weight_decay", weight_decay,
          "of all but biases and one-dimensional parameters, times the learning rate", at_least(0));
    field("adam_beta1", adam_beta1, "decay of the first moment", {.least = 0, .most = 1});
    field("adam_beta2", adam_beta2, "decay of the second moment", {.least = 0, .most = 1});
    field("adam_eps", adam_eps, "added to the root of the second moment", at_least(0));
    field("clip_grad", clip_grad, "gradients are scaled to at most this norm; 0: never",
          at_least(0));
    field("log_num_zeros_in_grad", log_num_zeros_in_grad, "count the zeros among gradients");
  }
};

struct SchedulerSettings {
  DecayStyle lr_decay_style = DecayStyle::linear;
  AnnealingStyle lr_wsd_decay_style = AnnealingStyle::exponential;
  std::optional<int64_t> lr_decay_iters, lr_decay_samples, lr_wsd_decay_iters, lr_wsd_decay_samples;
  std::optional<double> lr_warmup_fraction;
  int64_t lr_warmup_iters = 0, lr_warmup_samples = 0;
  double lr_warmup_init = 0;
  bool override_opt_param_scheduler = false, use_checkpoint_opt_param_scheduler = false;
  std::optional<double> start_weight_decay, end_weight_decay;
  IncreaseStyle weight_decay_incr_style = IncreaseStyle::constant;
  bool operator==(const SchedulerSettings&) const = default;

  void fields(auto& field) {
    const Range count = at_least(0), some = at_least(1);
    field("lr_decay_style", lr_decay_style, "how the learning rate falls after the warmup");
    field("lr_wsd_decay_style", lr_wsd_decay_style, "WSD: how it falls at the end");
    field("lr_decay_iters", lr_decay_iters, "steps of warmup and decay; null: train_iters", some);
    field("lr_decay_samples", lr_decay_samples, "the same in samples; null: train_samples", some);
    field("lr_wsd_decay_iters", lr_wsd_decay_iters, "WSD: steps of the decay at the end", some);
    field("lr_wsd_decay_samples", lr_wsd_decay_samples, "the same in samples", some);
    field("lr_warmup_fraction", lr_warmup_fraction, "warmup as a part of all decay steps",
          between(0, 1));
    field("lr_warmup_iters", lr_warmup_iters, "steps in which the learning rate rises to lr",
          count);
    field("lr_warmup_samples", lr_warmup_samples, "the same in samples", count);
    field("lr_warmup_init", lr_warmup_init, "where it rises from", at_least(0));
    field("override_opt_param_scheduler", override_opt_param_scheduler,
          "on resuming: these settings, whatever the checkpoint says");
    field("use_checkpoint_opt_param_scheduler", use_checkpoint_opt_param_scheduler,
          "on resuming: the checkpoint's, whatever these say; neither: they must agree");
    field("start_weight_decay", start_weight_decay,
          "weight decay at the start; null: optimizer.weight_decay (Megatron ignores that one "
          "silently)",
          at_least(0));
    field("end_weight_decay", end_weight_decay, "at the end; null: optimizer.weight_decay",
          at_least(0));
    field("weight_decay_incr_style", weight_decay_incr_style, "how it grows from one to the other");
  }
};

struct DatasetSettings {
  std::optional<Blend> blend;
  std::optional<std::vector<std::optional<Blend>>> blend_per_split;
  std::optional<std::string> split;
  std::optional<int64_t> seq_length;
  int64_t random_seed = 1234;
  std::optional<std::string> path_to_cache;
  bool reset_position_ids = false, reset_attention_mask = false, eod_mask_loss = false;
  bool drop_last_partial_validation_sequence = true;
  double mid_level_dataset_surplus = 0.005;
  bool operator==(const DatasetSettings&) const = default;

  void fields(auto& field) {
    field("blend", blend, "indexed datasets; null (and no blend_per_split): mock data");
    field("blend_per_split", blend_per_split,
          "three blends, for training, validation and test; null: none, or none of that kind");
    field("split", split, "weights of training, validation and test in a blend: \"9999,8,2\"");
    field("seq_length", seq_length, "tokens of a sample; null: model.seq_length", at_least(1));
    field("random_seed", random_seed, "of the shuffles", between(0, 4294967295.0));
    field("path_to_cache", path_to_cache,
          "where indices are kept for other runs, Megatron's too; null: each run makes its own");
    field("reset_position_ids", reset_position_ids, "positions start again in every document");
    field("reset_attention_mask", reset_attention_mask,
          "a document does not see those before it; on a CPU only");
    field("eod_mask_loss", eod_mask_loss, "no loss where the input ends a document");
    field("drop_last_partial_validation_sequence", drop_last_partial_validation_sequence,
          "else it is padded");
    field("mid_level_dataset_surplus", mid_level_dataset_surplus,
          "samples that are built beyond a dataset's share of a blend, as a part of it",
          at_least(0));
  }
};

struct TokenizerSettings {
  std::optional<TokenizerType> tokenizer_type;
  std::optional<std::string> tokenizer_model;
  std::optional<int64_t> vocab_size, eod_id;
  bool operator==(const TokenizerSettings&) const = default;

  void fields(auto& field) {
    field("tokenizer_type", tokenizer_type, "null: none is known");
    field("tokenizer_model", tokenizer_model,
          "HuggingFaceTokenizer: the directory (or cached hub id) whose tokenizer files go into "
          "checkpoints; null: those of the model that the run begins from");
    field("vocab_size", vocab_size, "NullTokenizer: its tokens, of which the last ends a document",
          at_least(1));
    field("eod_id", eod_id,
          "bascule's own: the token that ends a document, where a setting of the data asks; null: "
          "the tokenizer's eos_token",
          at_least(0));
  }
};

struct CheckpointSettings {
  std::optional<std::string> save, load, pretrained_checkpoint;
  std::optional<int64_t> save_interval, ckpt_step;
  std::optional<int64_t> most_recent_k = -1;
  bool save_optim = true, load_optim = true, save_rng = true, load_rng = true;
  bool finetune = false, exit_on_missing_checkpoint = false, async_save = false;
  bool also_save_hf_checkpoint = false;
  CheckpointFormat ckpt_format = CheckpointFormat::torch_dist;
  bool operator==(const CheckpointSettings&) const = default;

  void fields(auto& field) {
    field("save", save, "the checkpoint root that is written; null: none");
    field("save_interval", save_interval, "steps between saves; null: only at the end",
          at_least(1));
    field("most_recent_k", most_recent_k, "checkpoints to keep; -1 or null: all", at_least(-1));
    field("save_optim", save_optim, "save masters and moments");
    field("save_rng", save_rng, "save states of random generators, for Megatron to go on from");
    field("load", load,
          "the checkpoint root to resume from; where there is none yet: from scratch");
    field("load_optim", load_optim, "load masters, moments and how far the schedule is");
    field("load_rng", load_rng,
          "take the states of random generators, which no step here draws from, into the next "
          "checkpoint; false: they are seeded anew");
    field("ckpt_step", ckpt_step, "the iteration to load; null: the latest", at_least(0));
    field("finetune", finetune, "load weights only, and start at step 0");
    field("pretrained_checkpoint", pretrained_checkpoint,
          "weights to start from: a Hugging Face directory or a Megatron root");
    field("exit_on_missing_checkpoint", exit_on_missing_checkpoint,
          "fail where `load` has no checkpoint");
    field(
        "async_save", async_save,
        "copy weights, masters and moments to the host's memory, and write the copy while training "
        "goes on; the next save and the end wait for it");
    field("also_save_hf_checkpoint", also_save_hf_checkpoint,
          "a Hugging Face directory in every checkpoint, too, as hf: what `bascule export` makes "
          "(of newer Bridges)");
    field("ckpt_format", ckpt_format, "the only one; optimizer state is fully reshardable");
  }
};

struct LoggerSettings {
  int64_t log_interval = 100;
  bool log_throughput = false, log_params_norm = false;
  std::optional<std::string> tensorboard_dir, metrics_path, save_config_filepath;
  int64_t tensorboard_log_interval = 1;
  bool log_throughput_to_tensorboard = false, log_memory_to_tensorboard = false;
  bool log_validation_ppl_to_tensorboard = false;
  std::optional<std::string> wandb_project, wandb_exp_name, wandb_save_dir, wandb_entity;
  std::optional<std::string> mlflow_experiment, mlflow_run_name, mlflow_tracking_uri;
  std::optional<Texts> mlflow_tags;
  std::optional<std::string> comet_project, comet_experiment_name, comet_workspace;
  std::optional<std::vector<std::string>> comet_tags;
  bool operator==(const LoggerSettings&) const = default;

  void fields(auto& field) {
    field("log_interval", log_interval, "steps between lines", at_least(1));
    field("log_throughput", log_throughput, "TFLOP/s in the lines");
    field("log_params_norm", log_params_norm, "norm of all parameters in the lines");
    field("metrics_path", metrics_path,
          "bascule's own: a file of JSON lines; null: metrics.jsonl in checkpoint.save");
    field("tensorboard_dir", tensorboard_dir, "where event files go; null: none");
    field("tensorboard_log_interval", tensorboard_log_interval, "steps between their rows",
          at_least(1));
    field("log_throughput_to_tensorboard", log_throughput_to_tensorboard, "throughput, too");
    field("log_memory_to_tensorboard", log_memory_to_tensorboard,
          "the GPU's peak memory, in GB, too");
    field("log_validation_ppl_to_tensorboard", log_validation_ppl_to_tensorboard,
          "perplexity of evaluations, too");
    field("wandb_project", wandb_project, "from Python only: the project at Weights & Biases");
    field("wandb_exp_name", wandb_exp_name, "the run's name there");
    field("wandb_save_dir", wandb_save_dir, "its local files; null: wandb in checkpoint.save");
    field("wandb_entity", wandb_entity, "the user or team there");
    field("mlflow_experiment", mlflow_experiment, "from Python only: the experiment in MLflow");
    field("mlflow_run_name", mlflow_run_name, "the run's name there; required with it");
    field("mlflow_tracking_uri", mlflow_tracking_uri,
          "the server or directory; null: MLflow's own");
    field("mlflow_tags", mlflow_tags, "tags of the run there");
    field("comet_project", comet_project,
          "from Python only: the project at Comet; the environment's COMET_API_KEY is the key (of "
          "newer Bridges)");
    field("comet_experiment_name", comet_experiment_name,
          "the experiment's name there; required with it");
    field("comet_workspace", comet_workspace, "the workspace there; null: the key's own");
    field("comet_tags", comet_tags, "tags of the experiment there");
    field("save_config_filepath", save_config_filepath,
          "the resolved settings are written here, a recipe to train with again; null: only into "
          "checkpoints, as bascule/recipe.yaml");
  }
};

struct RngSettings {
  int64_t seed = 1234;
  bool operator==(const RngSettings&) const = default;

  void fields(auto& field) {
    field("seed", seed, "of initial weights", between(0, 9007199254740992.0));
  }
};

struct ProfilingSettings {
  bool use_pytorch_profiler = false, nvtx_ranges = false;
  int64_t profile_step_start = 10, profile_step_end = 12;
  bool operator==(const ProfilingSettings&) const = default;

  void fields(auto& field) {
    field(
        "use_pytorch_profiler", use_pytorch_profiler,
        "a Chrome trace of the steps below, in logger.tensorboard_dir, or else checkpoint.save, or "
        "else here");
    field("profile_step_start", profile_step_start, "begin after so many steps", at_least(0));
    field("profile_step_end", profile_step_end, "end after so many", at_least(0));
    field("nvtx_ranges", nvtx_ranges,
          "mark layers and operations of those steps for Nsight Systems, in place of a trace");
  }
};

struct Settings {
  std::optional<MixedPrecision> mixed_precision;
  TrainSettings train;
  ModelSettings model;
  OptimizerSettings optimizer;
  SchedulerSettings scheduler;
  DatasetSettings dataset;
  TokenizerSettings tokenizer;
  CheckpointSettings checkpoint;
  ValidationSettings validation;
  LoggerSettings logger;
  RngSettings rng;
  ProfilingSettings profiling;
  bool operator==(const Settings&) const = default;

  void fields(auto& field) {
    field("mixed_precision", mixed_precision,
          "bf16_mixed: bf16 with fp32 masters, gradients and moments; null: fp32 throughout");
  }
  void groups(auto& group) {
    group("train", train, "The loop");
    group("model", model, "The model and how it is trained");
    group("optimizer", optimizer, "The optimizer");
    group("scheduler", scheduler, "Learning rate and weight decay over the run");
    group("dataset", dataset, "The data");
    group("tokenizer", tokenizer, "What made the data's tokens");
    group("checkpoint", checkpoint, "Saving and resuming");
    group("validation", validation, "Evaluation (Megatron Bridge 0.3.1 has it in train)");
    group("logger", logger, "What is reported");
    group("rng", rng, "Random numbers");
    group("profiling", profiling, "Profiles");
  }
};

/// Every setting, bound to `settings`, which must outlive it.
std::vector<Field> fields_of(Settings& settings);

struct GroupInfo {
  std::string name, title;
};
/// The groups in the order of the fields.
std::vector<GroupInfo> groups();

/// What `model` says of the architecture, as run_config.yaml would: bf16 and the positions of the
/// model included, `family` and how it is trained not.
Tree architecture(const Settings& settings);

/// train.global_batch_size, or the micro batch's.
int64_t global_batch_size(const Settings& settings);
/// Steps of the whole run, from train_iters or train_samples.
int64_t train_iters(const Settings& settings);

}  // namespace bascule
