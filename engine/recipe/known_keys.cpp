#include "recipe/known_keys.h"

#include <sstream>

namespace bascule {
namespace {

struct Unsupported {
  std::string_view group, names;  // names with spaces around each; " * " is all
  std::string_view why;
};

constexpr std::string_view kTransformerEngine =
    "it steers Transformer Engine, which is not used here";
constexpr std::string_view kParallel = "training runs on one device so far";
constexpr std::string_view kFp8 = "fp32 and bf16 are the only types so far";
constexpr std::string_view kFp16 = "fp16 and its loss scaling are not built; use bf16";
constexpr std::string_view kAlwaysFused =
    "the engine always fuses what it can; there is nothing to switch";
constexpr std::string_view kOffload = "nothing is moved to the host's memory so far";
constexpr std::string_view kGraph = "CUDA graphs are the engine's own affair";
constexpr std::string_view kOtherModel = "models with it are not built";
constexpr std::string_view kPrecision = "mixed_precision decides it";
constexpr std::string_view kPython = "it steers Python's run time, and there is none";
constexpr std::string_view kNoService = "it needs a service or a package that is not used here";
constexpr std::string_view kInternal = "Megatron sets it for itself";
constexpr std::string_view kTimers = "steps are timed as a whole; profiling shows the rest";
constexpr std::string_view kAdamOnly = "AdamW is the only optimizer so far";
constexpr std::string_view kLocalCheckpoints =
    "checkpoints go to checkpoint.save only, and are whole";

// clang-format off
constexpr Unsupported kUnsupported[] = {
    {"model", " _target_ ", "a recipe names no Python class; model.family says which model it is"},
    {"model", " _builder_ ", "it is of a newer Megatron Bridge than 0.3.1"},
    {"model", " hf_model_id ", "checkpoint.pretrained_checkpoint names the model to start from"},
    {"model", " bf16 fp16 params_dtype autocast_dtype enable_autocast pipeline_dtype fp16_lm_cross_entropy "
              "fp32_residual_connection attention_softmax_in_fp32 apply_query_key_layer_scaling "
              "disable_bf16_reduced_precision_matmul ", kPrecision},
    {"model", " fp8 fp8_recipe fp8_margin fp8_interval fp8_amax_history_len fp8_amax_compute_algo fp8_wgrad fp8_param "
              "fp8_param_gather fp8_dot_product_attention fp8_multi_head_attention fp8_quantizer_factory fp4 fp4_recipe "
              "fp4_param fp4_quantizer_factory first_last_layers_bf16 num_layers_at_start_in_bf16 "
              "num_layers_at_end_in_bf16 tp_only_amax_red quant_recipe activation_func_fp8_input_store "
              "moe_router_padding_for_fp8 moe_router_padding_for_quantization ", kFp8},
    {"model", " transformer_impl attention_backend use_te_activation_func use_te_rng_tracker use_kitchen "
              "use_kitchen_attention kitchen_attention_backend use_transformer_engine_op_fuser "
              "use_transformer_engine_full_layer_spec disable_parameter_transpose_cache memory_efficient_layer_norm "
              "batch_invariant_mode ", kTransformerEngine},
    {"model", " gradient_accumulation_fusion cross_entropy_loss_fusion cross_entropy_fusion_impl bias_activation_fusion "
              "bias_dropout_fusion masked_softmax_fusion persist_layer_norm apply_rope_fusion fused_single_qkv_rope "
              "moe_grouped_gemm moe_use_legacy_grouped_gemm moe_permute_fusion moe_router_fusion "
              "use_fused_weighted_squared_relu moe_per_layer_logging ", kAlwaysFused},
    {"model", " calculate_per_token_loss ",
     "the loss is always divided by the trained tokens of the global batch, so that it does not depend on micro batches"},
    {"model", " attention_dropout hidden_dropout ", "dropout is not built, and is 0"},
    {"model", " moe_router_dtype ", "routers always compute in fp32"},
    {"model", " moe_input_jitter_eps moe_router_topk_limited_devices moe_token_dropping moe_extended_tp "
              "moe_apply_probs_on_input moe_latent_size moe_enable_routing_replay ", kOtherModel},
    {"model", " moe_layer_recompute ", "model.recompute_modules=[moe] does it"},
    {"model", " cuda_graph_impl cuda_graph_scope cuda_graph_warmup_steps cuda_graph_retain_backward_graph "
              "cuda_graph_use_single_mempool enable_cuda_graph external_cuda_graph ", kGraph},
    {"model", " cpu_offloading cpu_offloading_activations cpu_offloading_weights cpu_offloading_num_layers "
              "cpu_offloading_double_buffering fine_grained_activation_offloading offload_modules "
              "min_offloaded_tensor_size ", kOffload},
    {"model", " hierarchical_context_parallel_sizes hybrid_context_parallel max_seqlen_per_dp_cp_rank cp_comm_type "
              "pipeline_model_parallel_layout pipeline_model_parallel_comm_backend num_layers_in_first_pipeline_stage "
              "num_layers_in_last_pipeline_stage account_for_embedding_in_pipeline_split "
              "account_for_loss_in_pipeline_split microbatch_group_size_per_vp_stage variable_seq_lengths "
              "deallocate_pipeline_outputs overlap_p2p_comm batch_p2p_comm batch_p2p_sync overlap_p2p_comm_warmup_flush "
              "use_ring_exchange_p2p defer_embedding_wgrad_compute wgrad_deferral_limit delay_wgrad_compute "
              "overlap_moe_expert_parallel_comm ep_overlap_early_attn_memory_release distribute_saved_activations "
              "async_tensor_model_parallel_allreduce scatter_embedding_sequence_parallel "
              "clone_scatter_output_in_embedding parallel_output symmetric_ar_type tp_comm_overlap tp_comm_overlap_cfg "
              "tp_comm_overlap_ag tp_comm_overlap_rs tp_comm_overlap_rs_dgrad tp_comm_overlap_disable_qkv "
              "tp_comm_overlap_disable_fc1 tp_comm_bulk_dgrad tp_comm_bulk_wgrad tp_comm_split_ag tp_comm_split_rs "
              "tp_comm_atomic_ag tp_comm_atomic_rs tp_comm_bootstrap_backend moe_token_dispatcher_type "
              "moe_flex_dispatcher_backend moe_enable_deepep moe_deepep_num_sms moe_hybridep_num_sms "
              "moe_shared_expert_overlap num_microbatches_with_partial_activation_checkpoints "
              "hetereogenous_dist_checkpoint barrier_with_L1_time ", kParallel},
    {"model", " multi_latent_attention heterogeneous_block_specs is_hybrid_model hybrid_override_pattern "
              "hybrid_attention_ratio hybrid_mlp_ratio mamba_head_dim mamba_num_groups mamba_num_heads mamba_state_dim "
              "use_mamba_mem_eff_path mtp_num_layers mtp_enabled mtp_loss_scaling_factor mtp_standalone "
              "apply_residual_connection_post_layernorm rotary_interleaved rotary_scaling_factor mrope_section "
              "qk_l2_norm qk_clip qk_clip_alpha qk_clip_threshold log_max_attention_logit glu_linear_offset "
              "activation_func_clamp_value experimental_attention_variant linear_attention_freq linear_conv_kernel_dim "
              "linear_key_head_dim linear_num_key_heads linear_num_value_heads linear_value_head_dim "
              "dsa_indexer_head_dim dsa_indexer_loss_coeff dsa_indexer_n_heads dsa_indexer_topk "
              "dsa_indexer_use_sparse_loss embedding_init_method_std use_arbitrary_attention_mask "
              "is_vision_language ", kOtherModel},
    {"model", " init_method output_layer_init_method embedding_init_method perform_initialization "
              "use_cpu_initialization init_model_with_meta_device ",
     "initial weights are normal with model.init_method_std, the same on every device"},
    {"model", " timers finalize_model_grads_func grad_scale_func grad_sync_func no_sync_func param_sync_func test_mode "
              "config_logger_dir flash_decode inference_rng_tracker inference_sampling_seed "
              "inference_fuse_tp_communication use_inference_optimized_layers mlp_chunks_for_prefill "
              "restore_modelopt_state ", kInternal},

    {"train", " manual_gc manual_gc_interval manual_gc_eval ", kPython},
    {"train", " exit_signal ", "train.exit_signal_handler means SIGTERM"},
    {"train", " exit_signal_handler_for_dataloader ", "there are no processes that load data"},
    {"train", " decrease_batch_size_if_needed ", kParallel},
    {"train", " check_weight_hash_across_dp_replicas_interval ", kParallel},
    {"train", " empty_unused_memory_level ", "memory is laid out before step 1"},
    {"train", " train_sync_interval ", "the host never runs far ahead"},
    {"train", " iterations_to_skip ", "no step is skipped on demand"},

    {"optimizer", " decoupled_lr decoupled_min_lr ", "all parameters have one learning rate"},
    {"optimizer", " decoupled_weight_decay ", "weight decay is always decoupled (AdamW)"},
    {"optimizer", " apply_wd_to_qk_layernorm ", "no norm decays"},
    {"optimizer", " fp16 loss_scale initial_loss_scale min_loss_scale loss_scale_window hysteresis ", kFp16},
    {"optimizer", " bf16 params_dtype ", kPrecision},
    {"optimizer", " fp8_recipe reuse_grad_buf_for_mxfp8_param_ag ", kFp8},
    {"optimizer", " use_precision_aware_optimizer main_grads_dtype main_params_dtype exp_avg_dtype exp_avg_sq_dtype ",
     "gradients, masters and moments are fp32"},
    {"optimizer", " store_param_remainders ", "masters of bf16 parameters are always kept as remainders"},
    {"optimizer", " sgd_momentum muon_momentum muon_split_qkv muon_use_nesterov muon_scale_mode muon_fp32_matmul_prec "
                  "muon_num_ns_steps muon_tp_mode muon_extra_scale_factor ", kAdamOnly},
    {"optimizer", " use_distributed_optimizer overlap_param_gather overlap_param_gather_with_optimizer_step ", kParallel},
    {"optimizer", " optimizer_cpu_offload optimizer_offload_fraction use_torch_optimizer_for_cpu_offload "
                  "overlap_cpu_optimizer_d2h_h2d pin_cpu_grads pin_cpu_params ", kOffload},
    {"optimizer", " barrier_with_L1_time timers config_logger_dir ", kInternal},

    {"scheduler", " max_lr ", "the peak is optimizer.lr (Bridge ignores this one silently)"},
    {"scheduler", " min_lr ", "the least is optimizer.min_lr (Bridge ignores this one silently)"},
    {"scheduler", " no_weight_decay_cond_type ", "no norm decays"},
    {"scheduler", " lr_warmup_steps lr_decay_steps wd_incr_steps wsd_decay_steps ", kInternal},

    {"dataset", " dataloader_type data_sharding num_workers pin_memory persistent_workers trust_remote_code ",
     "samples are read in the order of their shuffled index, by the engine itself"},
    {"dataset", " mmap_bin_files object_storage_cache_path ", "datasets are local files, and mapped"},
    {"dataset", " num_dataset_builder_threads fast_cache_load defer_npy_index_mmap sequences_per_dataset "
                "token_dtype_code ", "indices are built and read at once"},
    {"dataset", " skip_getting_attention_mask_from_dataset create_attention_mask ", "attention makes its own mask"},
    {"dataset", " multiple_validation_sets full_validation ", "there is one validation set, of validation.eval_iters batches"},
    {"dataset", " add_extra_token_to_sequence ", "samples always overlap by one token"},
    {"dataset", " allow_ambiguous_pad_tokens ", "datasets hold no padding"},
    {"dataset", " mock split_matrix tokenizer ", kInternal},
    {"dataset", " data_parallel_size sequence_parallel_size hybrid_context_parallel context_parallel_size ", kParallel},
    {"dataset", " dataset_root dataset_name packed_sequence_specs pack_sequences_in_batch dataset_kwargs memmap_workers "
                "max_train_samples seed do_validation do_test fim_data fim_rate fim_spm_rate fim_extra_tokens "
                "fim_split_sample fim_fragment_rate fim_no_prefix ", "pretraining on indexed datasets is all there is so far"},

    {"tokenizer", " legacy_tokenizer metadata_path vocab_file merge_file vocab_extra_ids special_tokens chat_template "
                  "tiktoken_pattern tiktoken_num_special_tokens tiktoken_special_tokens tokenizer_prompt_format "
                  "image_tag_type hf_tokenizer_kwargs sp_tokenizer_kwargs ", "datasets are tokens already"},

    {"checkpoint", " non_persistent_save_interval non_persistent_ckpt_type non_persistent_global_ckpt_dir "
                   "non_persistent_local_ckpt_dir non_persistent_local_ckpt_algo replication replication_jump "
                   "replication_factor ", kLocalCheckpoints},
    {"checkpoint", " dist_ckpt_optim_fully_reshardable distrib_optim_fully_reshardable_mem_efficient ",
     "optimizer state is always fully reshardable"},
    {"checkpoint", " fully_parallel_save fully_parallel_load ", kParallel},
    {"checkpoint", " use_persistent_ckpt_worker ckpt_assume_constant_structure ", "saving needs no process of its own"},
    {"checkpoint", " dist_ckpt_strictness strict_fsdp_dtensor_load ", "every tensor is accounted for"},
    {"checkpoint", " load_main_params_from_ckpt ", "masters start from the weights where none are loaded"},
    {"checkpoint", " use_checkpoint_args ", "the recipe says what the model is, and the checkpoint must agree"},
    {"checkpoint", " ckpt_convert_format ckpt_convert_save ", "`bascule import` and `bascule export` convert"},
    {"checkpoint", " save_tokenizer_assets ", "tokenizer.tokenizer_model is saved wherever it is set"},

    {"logger", " log_energy ", kNoService},
    {"logger", " comet_api_key ",
     "settings are saved with every checkpoint, which is no place for a key; set COMET_API_KEY in the environment"},
    {"logger", " logging_level filter_warnings modules_to_filter set_level_for_all_loggers ", kPython},
    {"logger", " timing_log_level timing_log_option log_timers_to_tensorboard ", kTimers},
    {"logger", " tensorboard_queue_size throughput_window_size memory_keys runtime_time_unit "
               "log_runtime_to_tensorboard log_world_size_to_tensorboard log_loss_scale_to_tensorboard "
               "log_l2_norm_grad_to_tensorboard log_progress ", "what is reported is fixed"},

    {"rng", " te_rng_tracker inference_rng_tracker ", kTransformerEngine},
    {"rng", " data_parallel_random_init ", "all ranks start from the same model"},

    {"profiling", " use_nsys_profiler ", "give nsys a range of NVTX (profiling.nvtx_ranges)"},
    {"profiling", " profile_ranks ", kParallel},
    {"profiling", " record_memory_history memory_snapshot_path record_shapes ", "the trace has times only"},

    {"ddp", " * ", kParallel},
    {"dist", " * ", kParallel},
    {"comm_overlap", " * ", kParallel},
    {"peft", " * ", "adapters are not trained yet"},
    {"rerun_state_machine", " * ", "a step whose gradients are not finite is skipped; nothing is rerun"},
    {"ft", " * ", kNoService},
    {"straggler", " * ", kNoService},
    {"nvrx_straggler", " * ", kNoService},
    {"inprocess_restart", " * ", kNoService},
    {"tensor_inspect", " * ", kNoService},
    {"optimizer_config_override_provider", " * ", "a recipe names no Python class"},
    {"", " _target_ ", "a run_config.yaml is no recipe"},
};

constexpr RenamedKey kRenamed[] = {
    {"train.eval_iters",        "validation.eval_iters"   },  // Bridge 0.3.1; newer ones have the latter
    {"train.eval_interval",     "validation.eval_interval"},
    {"train.skip_train",        "validation.skip_train"   },
    {"dataset.sequence_length", "dataset.seq_length"      },  // megatron-core's
};
// clang-format on

/// Whether `names`, each between blanks, has `name`.
bool lists(std::string_view names, std::string_view name) {
  if (names == " * ") return true;
  if (name.find(' ') != std::string_view::npos) return false;
  return names.find(" " + std::string(name) + " ") != std::string_view::npos;
}

}  // namespace

std::string_view why_unsupported(std::string_view path) {
  const size_t dot = path.find('.');
  const bool grouped = dot != std::string_view::npos;
  const std::string_view group = grouped ? path.substr(0, dot) : "";
  std::string_view name = grouped ? path.substr(dot + 1) : path;
  name = name.substr(0, name.find('.'));  // "mixed_precision.fp8" of a nested map
  for (const Unsupported& row : kUnsupported) {
    if (!name.empty() && row.group == group && lists(row.names, name)) return row.why;
    if (!grouped && !row.group.empty() && row.group == name && row.names == " * ") return row.why;
  }
  return {};
}

std::string_view name_here(std::string_view path) {
  for (const RenamedKey& row : kRenamed)
    if (row.theirs == path) return row.ours;
  return path;
}

std::vector<UnsupportedKeys> unsupported_keys() {
  std::vector<UnsupportedKeys> all;
  for (const Unsupported& row : kUnsupported) {
    UnsupportedKeys keys{row.group, {}, row.why};
    std::istringstream names{std::string(row.names)};
    for (std::string name; names >> name;) keys.names.push_back(name);
    all.push_back(std::move(keys));
  }
  return all;
}

std::span<const RenamedKey> renamed_keys() { return kRenamed; }

}  // namespace bascule
