"""The settings of a run in their groups; attributes are checked when they are set.

Written by `settings_reference --python` from engine/recipe/; change the texts there instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from bascule.group import Group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TrainSettings(Group):
    """The loop."""

    _group = "train"

    micro_batch_size: int | None = None
    """sequences that are computed at once; required. Accepted is an integer of at least 1, or
    null."""
    global_batch_size: int | None = None
    """sequences a step, accumulated over micro batches; null: micro_batch_size. Accepted is an
    integer of at least 1, or null."""
    rampup_batch_size: Sequence[int] | None = None
    """[start, increment, samples]: the global batch grows over the first samples. Accepted is a
    list, each an integer of at least 0, or null."""
    train_iters: int | None = None
    """steps of the whole run; this or train_samples. Accepted is an integer of at least 1, or
    null."""
    train_samples: int | None = None
    """sequences of the whole run. Accepted is an integer of at least 1, or null."""
    exit_interval: int | None = None
    """save and stop after a step that this divides. Accepted is an integer of at least 1, or
    null."""
    exit_duration_in_mins: float | None = None
    """save and stop after so many minutes; Megatron takes whole ones only. Accepted is a number
    above 0, or null."""
    exit_signal_handler: bool = False
    """save and stop on SIGTERM and, outside of Python, on SIGINT. Accepted is true or false."""
    eval_iters: int = 100
    """Megatron's name of validation.eval_iters."""
    eval_interval: int | None = 1000
    """Megatron's name of validation.eval_interval."""
    skip_train: bool = False
    """Megatron's name of validation.skip_train."""


class ModelSettings(Group):
    """The model and how it is trained."""

    _group = "model"

    family: str | None = None
    """bascule's own: one of `bascule models`. Accepted is a text, or null."""
    seq_length: int = 1024
    """tokens of a training sequence. Accepted is an integer from 1 to 2147483647."""
    tensor_model_parallel_size: int = 1
    """ranks that share each layer; so far only 1. Accepted is an integer of at least 1."""
    pipeline_model_parallel_size: int = 1
    """ranks that share the layers; so far only 1. Accepted is an integer of at least 1."""
    virtual_pipeline_model_parallel_size: int | None = None
    """pieces of layers a pipeline rank; so far only null. Accepted is an integer of at least 1,
    or null."""
    context_parallel_size: int = 1
    """ranks that share each sequence; so far only 1. Accepted is an integer of at least 1."""
    expert_model_parallel_size: int = 1
    """ranks that share the experts; so far only 1. Accepted is an integer of at least 1."""
    expert_tensor_parallel_size: int | None = None
    """ranks that share each expert; so far only null or 1. Accepted is an integer of at least
    1, or null."""
    sequence_parallel: bool = False
    """activations are shared by tensor ranks; so far only false. Accepted is true or false."""
    recompute_granularity: Literal["selective", "full"] | None = None
    """what is computed again in the backward pass to save memory; null: nothing. Accepted is
    one of selective, full, or null."""
    recompute_method: Literal["uniform", "block"] | None = None
    """full: keep only what enters every so many layers (uniform), or the first so many layers
    are recomputed (block). Accepted is one of uniform, block, or null."""
    recompute_num_layers: int | None = None
    """full: how many layers that is. Accepted is an integer of at least 1, or null."""
    recompute_modules: Sequence[str] | None = None
    """selective: core_attn (scores of attention are never kept anyway), mlp, moe; null:
    core_attn. Accepted is a list, each a text, or null."""
    deterministic_mode: bool = False
    """the same bits in every run, refusing what cannot give them. Accepted is true or false."""
    moe_z_loss_coeff: float | None = None
    """of the router's z loss. Accepted is a number of at least 0, or null."""
    moe_expert_capacity_factor: float | None = None
    """times its even share of tokens, beyond which an expert drops; null: none is dropped.
    Accepted is a number above 0, or null."""
    moe_token_drop_policy: Literal["probs", "position"] = "probs"
    """with a capacity: drop the least probable, or the last. Accepted is one of probs,
    position."""
    moe_pad_expert_input_to_capacity: bool = False
    """with a capacity: Megatron fills experts up with tokens of weight 0, which changes no loss
    and is not done here; expert biases then stay, as Megatron's do. Accepted is true or false."""
    moe_router_bias_update_rate: float = 0.001
    """step of the expert bias towards balance, after every step of training. Accepted is a
    number of at least 0."""
    moe_router_force_load_balancing: bool = False
    """experts are chosen in turn, for measurements only (Megatron: at random). Accepted is true
    or false."""
    num_layers: int | None = None
    """layers of the decoder. Accepted is an integer from 1 to 1024, or null."""
    hidden_size: int | None = None
    """width of the residual stream. Accepted is an integer from 1 to 2147483647, or null."""
    ffn_hidden_size: int | None = None
    """width of the MLP; unset: 4 x hidden_size. Accepted is an integer from 1 to 2147483647, or
    null."""
    num_attention_heads: int | None = None
    """query heads. Accepted is an integer from 1 to 2147483647, or null."""
    num_query_groups: int | None = None
    """key and value heads; unset: as query heads. Accepted is an integer from 1 to 2147483647,
    or null."""
    kv_channels: int | None = None
    """size of a head; unset: hidden_size / heads. Accepted is an integer from 1 to 2147483647,
    or null."""
    vocab_size: int | None = None
    """tokens of the vocabulary. Accepted is an integer from 1 to 2147483647, or null."""
    make_vocab_size_divisible_by: int | None = None
    """rows of the embedding are padded to a multiple, with should_pad_vocab. Accepted is an
    integer from 1 to 2147483647, or null."""
    should_pad_vocab: bool | None = None
    """pad the vocabulary. Accepted is true or false, or null."""
    max_position_embeddings: int | None = None
    """positions that the model is made for (Megatron-LM's argument); unset: seq_length.
    Accepted is an integer from 1 to 2147483647, or null."""
    share_embeddings_and_output_weights: bool | None = None
    """the head is the embedding; unset: true. Accepted is true or false, or null."""
    normalization: str | None = None
    """RMSNorm or LayerNorm; unset: LayerNorm. Accepted is a text, or null."""
    layernorm_epsilon: float | None = None
    """added to the variance; unset: 1e-5. Accepted is a number above 0, or null."""
    layernorm_zero_centered_gamma: bool | None = None
    """gains are stored less one. Accepted is true or false, or null."""
    activation_func: str | None = None
    """the function's name in Python; unset: torch.nn.functional.gelu. Accepted is a text, or
    null."""
    gated_linear_unit: bool | None = None
    """MLPs are gated; unset: false. Accepted is true or false, or null."""
    add_bias_linear: bool | None = None
    """all linear maps have biases; unset: true. Accepted is true or false, or null."""
    add_qkv_bias: bool | None = None
    """queries, keys and values have biases. Accepted is true or false, or null."""
    init_method_std: float | None = None
    """standard deviation of initial weights; unset: 0.02. Accepted is a number above 0, or
    null."""
    qk_layernorm: bool | None = None
    """queries and keys are normalised. Accepted is true or false, or null."""
    softmax_scale: float | None = None
    """of scores; unset: 1 / sqrt(kv_channels). Accepted is a number above 0, or null."""
    softmax_type: str | None = None
    """vanilla, or learnable: a sink a head. Accepted is a text, or null."""
    attention_output_gate: bool | None = None
    """a sigmoid gate on attention's output. Accepted is true or false, or null."""
    attn_logit_softcapping: float | None = None
    """soft cap of scores (Gemma 2). Accepted is a number above 0, or null."""
    final_logit_softcapping: float | None = None
    """soft cap of logits (Gemma 2). Accepted is a number above 0, or null."""
    query_pre_attn_scalar: float | None = None
    """scores are divided by its square root (Gemma 2). Accepted is a number above 0, or null."""
    transformer_layer_spec: str | None = None
    """the function that describes a layer, where a model needs another than its class's.
    Accepted is a text, or null."""
    position_embedding_type: str | None = None
    """rope or yarn. Accepted is a text, or null."""
    rotary_base: float | Sequence[float] | None = None
    """base of the rotary frequencies; Gemma 3: [of windowed layers, of others]. Accepted is a
    number above 0, or a list, each a number above 0, or null."""
    rotary_percent: float | None = None
    """the part of a head that turns. Accepted is a number from 0 to 1, or null."""
    rope_scaling: bool | None = None
    """Llama 3.1's scaling of frequencies. Accepted is true or false, or null."""
    rope_scaling_factor: float | None = None
    """its factor; Gemma 3: divides positions. Accepted is a number above 0, or null."""
    seq_len_interpolation_factor: float | None = None
    """divides positions. Accepted is a number above 0, or null."""
    yarn_rotary_scaling_factor: float | None = None
    """YaRN: the factor. Accepted is a number above 0, or null."""
    yarn_original_max_position_embeddings: int | None = None
    """YaRN: positions before stretching. Accepted is an integer from 1 to 2147483647, or null."""
    yarn_beta_fast: float | None = None
    """YaRN: unset: 32. Accepted is a number above 0, or null."""
    yarn_beta_slow: float | None = None
    """YaRN: unset: 1. Accepted is a number above 0, or null."""
    yarn_mscale: float | None = None
    """YaRN: scale of attention. Accepted is a number, or null."""
    yarn_mscale_all_dim: float | None = None
    """YaRN: divides it. Accepted is a number, or null."""
    yarn_correction_range_round_to_int: bool | None = None
    """YaRN: round the correction range; unset: true. Accepted is true or false, or null."""
    no_rope_freq: Sequence[int] | None = None
    """a number for each layer, 1: it has no positions. Accepted is a list, each an integer, or
    null."""
    window_size: int | Sequence[int] | None = None
    """[keys before a query's own, 0]; Gemma 3: the number alone; null: all keys. Accepted is an
    integer, or a list, each an integer, or null."""
    window_attn_skip_freq: int | Sequence[int] | None = None
    """one layer in so many has no window, or a list with 1 for those that have. Accepted is an
    integer, or a list, each an integer, or null."""
    interleaved_attn_pattern: Sequence[int] | None = None
    """Gemma 3: layers with a window, then without. Accepted is a list, each an integer of at
    least 0, or null."""
    num_moe_experts: int | None = None
    """experts of a layer; null: none. Accepted is an integer from 1 to 2147483647, or null."""
    moe_ffn_hidden_size: int | None = None
    """width of an expert. Accepted is an integer from 1 to 2147483647, or null."""
    moe_router_topk: int | None = None
    """experts a token; unset: 2. Accepted is an integer from 1 to 2147483647, or null."""
    moe_layer_freq: int | Sequence[int] | None = None
    """one layer in so many has experts, or a list with a number for each; unset: 1. Accepted is
    an integer, or a list, each an integer, or null."""
    moe_shared_expert_intermediate_size: int | None = None
    """width of all shared experts together. Accepted is an integer from 1 to 2147483647, or
    null."""
    moe_shared_expert_gate: bool | None = None
    """a sigmoid gate on shared experts. Accepted is true or false, or null."""
    moe_router_score_function: str | None = None
    """softmax or sigmoid. Accepted is a text, or null."""
    moe_router_pre_softmax: bool | None = None
    """softmax before the choice of experts, so that their weights do not sum to 1. Accepted is
    true or false, or null."""
    moe_router_topk_scaling_factor: float | None = None
    """multiplies the chosen weights. Accepted is a number above 0, or null."""
    moe_router_num_groups: int | None = None
    """groups of experts. Accepted is an integer from 1 to 2147483647, or null."""
    moe_router_group_topk: int | None = None
    """groups a token. Accepted is an integer from 1 to 2147483647, or null."""
    moe_router_enable_expert_bias: bool | None = None
    """a bias that only the choice of experts sees. Accepted is true or false, or null."""
    moe_router_load_balancing_type: str | None = None
    """aux_loss, seq_aux_loss, global_aux_loss or none; unset: aux_loss. Accepted is a text, or
    null."""
    moe_aux_loss_coeff: float | None = None
    """of the balancing loss; unset: 0. Accepted is a number of at least 0, or null."""


class OptimizerSettings(Group):
    """The optimizer."""

    _group = "optimizer"

    optimizer: Literal["adam"] = "adam"
    """AdamW: weight decay is apart from the gradient. Accepted is adam."""
    lr: float | None = None
    """peak learning rate; required. Accepted is a number of at least 0, or null."""
    min_lr: float | None = None
    """the least that decay reaches; null: 0 (Megatron then fails). Accepted is a number of at
    least 0, or null."""
    weight_decay: float = 0.01
    """of all but biases and one-dimensional parameters, times the learning rate. Accepted is a
    number of at least 0."""
    adam_beta1: float = 0.9
    """decay of the first moment. Accepted is a number from 0 to 1."""
    adam_beta2: float = 0.999
    """decay of the second moment. Accepted is a number from 0 to 1."""
    adam_eps: float = 1e-08
    """added to the root of the second moment. Accepted is a number of at least 0."""
    clip_grad: float = 1.0
    """gradients are scaled to at most this norm; 0: never. Accepted is a number of at least 0."""
    log_num_zeros_in_grad: bool = False
    """count the zeros among gradients. Accepted is true or false."""


class SchedulerSettings(Group):
    """Learning rate and weight decay over the run."""

    _group = "scheduler"

    lr_decay_style: Literal["constant", "linear", "cosine", "inverse-square-root", "WSD"] = "linear"
    """how the learning rate falls after the warmup. Accepted is one of constant, linear,
    cosine, inverse-square-root, WSD."""
    lr_wsd_decay_style: Literal["exponential", "linear", "cosine", "minus_sqrt"] = "exponential"
    """WSD: how it falls at the end. Accepted is one of exponential, linear, cosine, minus_sqrt."""
    lr_decay_iters: int | None = None
    """steps of warmup and decay; null: train_iters. Accepted is an integer of at least 1, or
    null."""
    lr_decay_samples: int | None = None
    """the same in samples; null: train_samples. Accepted is an integer of at least 1, or null."""
    lr_wsd_decay_iters: int | None = None
    """WSD: steps of the decay at the end. Accepted is an integer of at least 1, or null."""
    lr_wsd_decay_samples: int | None = None
    """the same in samples. Accepted is an integer of at least 1, or null."""
    lr_warmup_fraction: float | None = None
    """warmup as a part of all decay steps. Accepted is a number from 0 to 1, or null."""
    lr_warmup_iters: int = 0
    """steps in which the learning rate rises to lr. Accepted is an integer of at least 0."""
    lr_warmup_samples: int = 0
    """the same in samples. Accepted is an integer of at least 0."""
    lr_warmup_init: float = 0.0
    """where it rises from. Accepted is a number of at least 0."""
    override_opt_param_scheduler: bool = False
    """on resuming: these settings, whatever the checkpoint says. Accepted is true or false."""
    use_checkpoint_opt_param_scheduler: bool = False
    """on resuming: the checkpoint's, whatever these say; neither: they must agree. Accepted is
    true or false."""
    start_weight_decay: float | None = None
    """weight decay at the start; null: optimizer.weight_decay (Megatron ignores that one
    silently). Accepted is a number of at least 0, or null."""
    end_weight_decay: float | None = None
    """at the end; null: optimizer.weight_decay. Accepted is a number of at least 0, or null."""
    weight_decay_incr_style: Literal["constant", "linear", "cosine"] = "constant"
    """how it grows from one to the other. Accepted is one of constant, linear, cosine."""


class DatasetSettings(Group):
    """The data."""

    _group = "dataset"

    blend: str | Sequence[object] | None = None
    """indexed datasets; null (and no blend_per_split): mock data. Accepted is [[path, ...],
    [weight above 0, ...] or null], a list of paths or of weights and paths in turn, or a path,
    or null."""
    blend_per_split: Sequence[str | Sequence[object] | None] | None = None
    """three blends, for training, validation and test; null: none, or none of that kind.
    Accepted is a list, each [[path, ...], [weight above 0, ...] or null], a list of paths or of
    weights and paths in turn, or a path, or null, or null."""
    split: str | None = None
    """weights of training, validation and test in a blend: "9999,8,2". Accepted is a text, or
    null."""
    seq_length: int | None = None
    """tokens of a sample; null: model.seq_length. Accepted is an integer of at least 1, or
    null."""
    random_seed: int = 1234
    """of the shuffles. Accepted is an integer from 0 to 4294967295."""
    path_to_cache: str | None = None
    """where indices are kept for other runs, Megatron's too; null: each run makes its own.
    Accepted is a text, or null."""
    reset_position_ids: bool = False
    """positions start again in every document. Accepted is true or false."""
    reset_attention_mask: bool = False
    """a document does not see those before it; on a CPU only. Accepted is true or false."""
    eod_mask_loss: bool = False
    """no loss where the input ends a document. Accepted is true or false."""
    drop_last_partial_validation_sequence: bool = True
    """else it is padded. Accepted is true or false."""
    mid_level_dataset_surplus: float = 0.005
    """samples that are built beyond a dataset's share of a blend, as a part of it. Accepted is
    a number of at least 0."""
    sequence_length: int | None = None
    """Megatron's name of dataset.seq_length."""


class TokenizerSettings(Group):
    """What made the data's tokens."""

    _group = "tokenizer"

    tokenizer_type: Literal["NullTokenizer", "HuggingFaceTokenizer"] | None = None
    """null: none is known. Accepted is one of NullTokenizer, HuggingFaceTokenizer, or null."""
    tokenizer_model: str | None = None
    """HuggingFaceTokenizer: the directory (or cached hub id) whose tokenizer files go into
    checkpoints; null: those of the model that the run begins from. Accepted is a text, or null."""
    vocab_size: int | None = None
    """NullTokenizer: its tokens, of which the last ends a document. Accepted is an integer of
    at least 1, or null."""
    eod_id: int | None = None
    """bascule's own: the token that ends a document, where a setting of the data asks; null:
    the tokenizer's eos_token. Accepted is an integer of at least 0, or null."""


class CheckpointSettings(Group):
    """Saving and resuming."""

    _group = "checkpoint"

    save: str | None = None
    """the checkpoint root that is written; null: none. Accepted is a text, or null."""
    save_interval: int | None = None
    """steps between saves; null: only at the end. Accepted is an integer of at least 1, or
    null."""
    most_recent_k: int | None = -1
    """checkpoints to keep; -1 or null: all. Accepted is an integer of at least -1, or null."""
    save_optim: bool = True
    """save masters and moments. Accepted is true or false."""
    save_rng: bool = True
    """save states of random generators, for Megatron to go on from. Accepted is true or false."""
    load: str | None = None
    """the checkpoint root to resume from; where there is none yet: from scratch. Accepted is a
    text, or null."""
    load_optim: bool = True
    """load masters, moments and how far the schedule is. Accepted is true or false."""
    load_rng: bool = True
    """take the states of random generators, which no step here draws from, into the next
    checkpoint; false: they are seeded anew. Accepted is true or false."""
    ckpt_step: int | None = None
    """the iteration to load; null: the latest. Accepted is an integer of at least 0, or null."""
    finetune: bool = False
    """load weights only, and start at step 0. Accepted is true or false."""
    pretrained_checkpoint: str | None = None
    """weights to start from: a Hugging Face directory or a Megatron root. Accepted is a text,
    or null."""
    exit_on_missing_checkpoint: bool = False
    """fail where `load` has no checkpoint. Accepted is true or false."""
    async_save: bool = False
    """copy weights, masters and moments to the host's memory, and write the copy while training
    goes on; the next save and the end wait for it. Accepted is true or false."""
    also_save_hf_checkpoint: bool = False
    """a Hugging Face directory in every checkpoint, too, as hf: what `bascule export` makes (of
    newer Bridges). Accepted is true or false."""
    ckpt_format: Literal["torch_dist"] = "torch_dist"
    """the only one; optimizer state is fully reshardable. Accepted is torch_dist."""


class ValidationSettings(Group):
    """Evaluation (Megatron Bridge 0.3.1 has it in train)."""

    _group = "validation"

    eval_iters: int = 100
    """global batches of an evaluation; 0: none is made. Accepted is an integer of at least 0."""
    eval_interval: int | None = 1000
    """steps between evaluations; null: only at the end. Accepted is an integer of at least 1,
    or null."""
    skip_train: bool = False
    """only evaluate. Accepted is true or false."""


class LoggerSettings(Group):
    """What is reported."""

    _group = "logger"

    log_interval: int = 100
    """steps between lines. Accepted is an integer of at least 1."""
    log_throughput: bool = False
    """TFLOP/s in the lines. Accepted is true or false."""
    log_params_norm: bool = False
    """norm of all parameters in the lines. Accepted is true or false."""
    metrics_path: str | None = None
    """bascule's own: a file of JSON lines; null: metrics.jsonl in checkpoint.save. Accepted is
    a text, or null."""
    tensorboard_dir: str | None = None
    """where event files go; null: none. Accepted is a text, or null."""
    tensorboard_log_interval: int = 1
    """steps between their rows. Accepted is an integer of at least 1."""
    log_throughput_to_tensorboard: bool = False
    """throughput, too. Accepted is true or false."""
    log_memory_to_tensorboard: bool = False
    """the GPU's peak memory, in GB, too. Accepted is true or false."""
    log_validation_ppl_to_tensorboard: bool = False
    """perplexity of evaluations, too. Accepted is true or false."""
    wandb_project: str | None = None
    """from Python only: the project at Weights & Biases. Accepted is a text, or null."""
    wandb_exp_name: str | None = None
    """the run's name there. Accepted is a text, or null."""
    wandb_save_dir: str | None = None
    """its local files; null: wandb in checkpoint.save. Accepted is a text, or null."""
    wandb_entity: str | None = None
    """the user or team there. Accepted is a text, or null."""
    mlflow_experiment: str | None = None
    """from Python only: the experiment in MLflow. Accepted is a text, or null."""
    mlflow_run_name: str | None = None
    """the run's name there; required with it. Accepted is a text, or null."""
    mlflow_tracking_uri: str | None = None
    """the server or directory; null: MLflow's own. Accepted is a text, or null."""
    mlflow_tags: Mapping[str, str] | None = None
    """tags of the run there. Accepted is a map of texts, or null."""
    comet_project: str | None = None
    """from Python only: the project at Comet; the environment's COMET_API_KEY is the key (of
    newer Bridges). Accepted is a text, or null."""
    comet_experiment_name: str | None = None
    """the experiment's name there; required with it. Accepted is a text, or null."""
    comet_workspace: str | None = None
    """the workspace there; null: the key's own. Accepted is a text, or null."""
    comet_tags: Sequence[str] | None = None
    """tags of the experiment there. Accepted is a list, each a text, or null."""
    save_config_filepath: str | None = None
    """the resolved settings are written here, a recipe to train with again; null: only into
    checkpoints, as bascule/recipe.yaml. Accepted is a text, or null."""


class RngSettings(Group):
    """Random numbers."""

    _group = "rng"

    seed: int = 1234
    """of initial weights. Accepted is an integer from 0 to 9007199254740992."""


class ProfilingSettings(Group):
    """Profiles."""

    _group = "profiling"

    use_pytorch_profiler: bool = False
    """a Chrome trace of the steps below, in logger.tensorboard_dir, or else checkpoint.save, or
    else here. Accepted is true or false."""
    profile_step_start: int = 10
    """begin after so many steps. Accepted is an integer of at least 0."""
    profile_step_end: int = 12
    """end after so many. Accepted is an integer of at least 0."""
    nvtx_ranges: bool = False
    """mark layers and operations of those steps for Nsight Systems, in place of a trace.
    Accepted is true or false."""


class Settings(Group):
    """All groups of settings."""

    _groups: ClassVar[Mapping[str, type[Group]]] = {
        "train": TrainSettings,
        "model": ModelSettings,
        "optimizer": OptimizerSettings,
        "scheduler": SchedulerSettings,
        "dataset": DatasetSettings,
        "tokenizer": TokenizerSettings,
        "checkpoint": CheckpointSettings,
        "validation": ValidationSettings,
        "logger": LoggerSettings,
        "rng": RngSettings,
        "profiling": ProfilingSettings,
    }

    mixed_precision: Literal["bf16_mixed", "bf16-mixed"] | None = None
    """bf16_mixed: bf16 with fp32 masters, gradients and moments; null: fp32 throughout.
    Accepted is one of bf16_mixed, bf16-mixed, or null."""
    train: TrainSettings
    """The loop."""
    model: ModelSettings
    """The model and how it is trained."""
    optimizer: OptimizerSettings
    """The optimizer."""
    scheduler: SchedulerSettings
    """Learning rate and weight decay over the run."""
    dataset: DatasetSettings
    """The data."""
    tokenizer: TokenizerSettings
    """What made the data's tokens."""
    checkpoint: CheckpointSettings
    """Saving and resuming."""
    validation: ValidationSettings
    """Evaluation (Megatron Bridge 0.3.1 has it in train)."""
    logger: LoggerSettings
    """What is reported."""
    rng: RngSettings
    """Random numbers."""
    profiling: ProfilingSettings
    """Profiles."""
