"""Jobs that save toys as plain Megatron-LM does: no run_config.yaml, the arguments in common.pt.

python -m oracle.megatron_lm JOBS RESULTS

Real: Megatron-Core's model and its checkpoint. Bridge's mlm_compat, which reads such checkpoints,
says what model the arguments make; so they have the names of Megatron-LM 0.15, which it knows.
"""

import argparse
import sys
from pathlib import Path

from oracle import boot, jobs
from oracle.peers import alone
from oracle.plain import tokens

ITERATION = 10
# What no toy changes: Megatron-LM's own values, and some that are no model's. Of about 900.
USUAL = {
    "num_layers": 3,
    "hidden_size": 96,
    "ffn_hidden_size": 152,
    "num_attention_heads": 6,
    "group_query_attention": True,
    "num_query_groups": 2,
    "kv_channels": 16,
    "seq_length": 64,
    "max_position_embeddings": 512,
    "vocab_size": None,
    "padded_vocab_size": 384,
    "make_vocab_size_divisible_by": 128,
    "normalization": "RMSNorm",
    "norm_epsilon": 1e-05,
    "apply_layernorm_1p": False,
    "swiglu": True,
    "squared_relu": False,
    "bias_swiglu_fusion": False,
    "bias_gelu_fusion": False,
    "add_bias_linear": False,
    "add_qkv_bias": False,
    "qk_layernorm": False,
    "qk_l2_norm": False,
    "untie_embeddings_and_output_weights": True,
    "position_embedding_type": "rope",
    "use_rotary_position_embeddings": True,
    "rotary_base": 50000,
    "rotary_percent": 1.0,
    "rotary_interleaved": False,
    "rotary_scaling_factor": 1.0,
    "rotary_seq_len_interpolation_factor": None,
    "use_rope_scaling": False,
    "rope_scaling_factor": 8.0,
    "rope_type": None,
    "window_size": None,
    "window_attn_skip_freq": None,
    "init_method_std": 0.02,
    "init_method_xavier_uniform": False,
    "attention_dropout": 0.0,
    "hidden_dropout": 0.0,
    "num_experts": None,
    "moe_layer_freq": 1,
    "moe_ffn_hidden_size": None,
    "moe_router_topk": 2,
    "moe_router_load_balancing_type": "aux_loss",
    "moe_aux_loss_coeff": 0.0,
    "moe_grouped_gemm": False,
    "moe_use_legacy_grouped_gemm": False,
    "multi_latent_attention": False,
    "heterogeneous_layers_config_path": None,
    "heterogeneous_layers_config_encoded_json": None,
    "is_hybrid_model": False,
    "hybrid_attention_ratio": 0.0,
    "mtp_num_layers": None,
    "spec": None,
    "yaml_cfg": None,
    "use_legacy_models": False,
    "transformer_impl": "transformer_engine",
    "no_persist_layer_norm": True,
    "overlap_p2p_comm": False,
    "decoder_first_pipeline_num_layers": None,
    "decoder_last_pipeline_num_layers": None,
    "fp8_param_gather": False,
    "fp16_lm_cross_entropy": False,
    "config_logger_dir": "",
    "cp_comm_type": ["p2p"],
    "bf16": False,
    "fp16": False,
    "tensor_model_parallel_size": 1,
    "data_path": ["0.5", "corpus/a", "0.5", "corpus/b"],
    "lr": 0.0003,
    "tokenizer_type": "HuggingFaceTokenizer",
}
# name: what is otherwise
TOYS: dict[str, dict] = {
    "llama": {"use_rope_scaling": True},
    "mistral": {"window_size": (7, 0), "padded_vocab_size": 256},
    "qwen3_moe": {
        "kv_channels": 24,
        "qk_layernorm": True,
        "num_experts": 8,
        "moe_ffn_hidden_size": 40,
        "moe_layer_freq": [0, 1, 1],
        "moe_grouped_gemm": True,
        "moe_token_dispatcher_type": "alltoall",
        "untie_embeddings_and_output_weights": False,
        "rotary_base": 1000000,
    },
}
# Since 0.16 two arguments have the names of Megatron-Core's settings.
NEWER = {
    "norm_epsilon": "layernorm_epsilon",
    "apply_layernorm_1p": "layernorm_zero_centered_gamma",
}


def arguments(toy: str) -> argparse.Namespace:
    import torch
    from megatron.core.transformer.enums import AttnBackend

    return argparse.Namespace(
        **USUAL | {"params_dtype": torch.float32, "attention_backend": AttnBackend.auto} | TOYS[toy]
    )


def save(
    toy: str, root: str, reference: str, newer: bool = False, told: dict | None = None
) -> jobs.Result:
    """Writes a checkpoint, and its logits to `reference`. newer: with the names of 0.16; told:
    arguments that are saved, but not those of the model.
    """
    import torch
    from megatron.bridge.training.mlm_compat.arguments import _transformer_config_from_args
    from megatron.bridge.training.mlm_compat.model import _gpt_provider

    args = arguments(toy)
    with boot.process_group():
        config = _transformer_config_from_args(args)
        config.use_cpu_initialization, config.gradient_accumulation_fusion = True, False
        torch.manual_seed(1)
        model = _gpt_provider(args, config).eval()
        with torch.no_grad():
            for parameter in model.parameters():  # so that none is constant
                parameter.add_(torch.randn_like(parameter) * 0.1)
        ids = tokens(args.padded_vocab_size, 48)
        positions = torch.arange(ids.shape[1])[None].expand_as(ids)
        mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)[None, None]
        with torch.no_grad():
            logits = model(input_ids=ids, position_ids=positions, attention_mask=mask).float()
        torch.save({"ids": ids, "logits": logits}, reference)
        if newer:
            for old, new in NEWER.items():
                setattr(args, new, getattr(args, old))
                delattr(args, old)
        vars(args).update(told or {})
        write(args, model, Path(root))
    return {"arguments": sorted(vars(args))}


def write(args: argparse.Namespace, model, root: Path) -> None:
    """As Megatron-LM's save_checkpoint does."""
    from megatron.core import dist_checkpointing

    metadata = {"singleton_local_shards": False, "chained_optim_avoid_prefix": True}
    directory = root / f"iter_{ITERATION:07d}"
    directory.mkdir(parents=True)
    state = {
        "args": args,
        "checkpoint_version": 3.0,
        "iteration": ITERATION,
        "model": model.sharded_state_dict(metadata=metadata),
        "opt_param_scheduler": {"max_lr": args.lr, "num_steps": ITERATION},
        "num_floating_point_operations_so_far": 0,
    }
    dist_checkpointing.save(state, str(directory), content_metadata=metadata)
    (root / "latest_checkpointed_iteration.txt").write_text(str(ITERATION))


if __name__ == "__main__":
    boot.install()
    jobs.serve({"save": alone(save)}, *sys.argv[1:3])
