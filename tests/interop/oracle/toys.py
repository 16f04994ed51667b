"""Tiny Hugging Face checkpoints with random weights, one for each family.

Every parameter and persistent buffer is a function of seed and tensor name only: nothing is
constant, norms included. Where Bridge 0.3.1 builds another model than transformers, the toy has the
setting in which both agree; DIFFERENT has the others, which known_differences measures.
"""

import copy
import json
import math
import zlib
from pathlib import Path

VOCABULARY = 259
BASE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 96,
    "intermediate_size": 152,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
    "rope_theta": 50000.0,
    "tie_word_embeddings": False,
}
# Megatron-Core knows one original length, 8192.
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2}
GEMMA = {"head_dim": 24, "tie_word_embeddings": True}
# Windows of 64 are longer than the input of the logits check.
GEMMA2 = {
    **GEMMA,
    "num_hidden_layers": 4,
    "query_pre_attn_scalar": 20,
    "sliding_window": 64,
    "final_logit_softcapping": 30.0,
    "attn_logit_softcapping": 50.0,
}
GEMMA3 = {
    **GEMMA,
    "num_hidden_layers": 7,
    "query_pre_attn_scalar": 20,
    "sliding_window": 64,
    "sliding_window_pattern": 6,
    "rope_local_base_freq": 10000.0,
    "rope_theta": 1000000.0,
}
DEEPSEEK_V3 = {
    "kv_lora_rank": 24,
    "q_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 20,
    "num_key_value_heads": 6,
    "moe_intermediate_size": 40,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "routed_scaling_factor": 1.5,
    "norm_topk_prob": True,
    "n_group": 2,
    "topk_group": 1,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
    "aux_loss_alpha": 0.001,
    "moe_layer_freq": 1,
    "num_nextn_predict_layers": 0,
    "rope_scaling": {
        "rope_type": "yarn",
        "factor": 4.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 128,
    },
}
# Window, yarn factor and original length are constants in Bridge.
GPT_OSS = {
    "num_hidden_layers": 4,
    "head_dim": 24,
    "intermediate_size": 64,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "sliding_window": 128,
    "rope_theta": 150000.0,
    "rope_scaling": {
        "rope_type": "yarn",
        "factor": 32.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "truncate": False,
        "original_max_position_embeddings": 4096,
    },
}
NEMOTRON_H = {
    "rms_norm_eps": None,
    "head_dim": 16,
    "layer_norm_epsilon": 1e-5,
    "hybrid_override_pattern": "M-M*-",
    "num_hidden_layers": 5,
    "mamba_num_heads": 8,
    "mamba_head_dim": 12,
    "ssm_state_size": 16,
    "n_groups": 2,
    "conv_kernel": 4,
    "mlp_hidden_act": "relu2",
}

# name: (transformers' prefix of the classes, settings beside BASE; None removes one)
FAMILIES: dict[str, tuple[str, dict]] = {
    "llama": ("Llama", {"rope_scaling": LLAMA3}),
    "llama_tied": ("Llama", {"rope_scaling": LLAMA3, "tie_word_embeddings": True}),
    "llama_tp2": ("Llama", {"rope_scaling": LLAMA3, "vocab_size": 264}),
    "mistral": ("Mistral", {"head_dim": 24, "sliding_window": None}),
    "qwen2": ("Qwen2", {"use_sliding_window": False}),
    "qwen2_tied": ("Qwen2", {"use_sliding_window": False, "tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {"head_dim": 24}),
    "qwen3_moe": (
        "Qwen3Moe",
        {**EXPERTS, "head_dim": 24, "moe_intermediate_size": 40, "norm_topk_prob": True},
    ),
    "olmoe": (
        "Olmoe",
        {**EXPERTS, "num_key_value_heads": 6, "intermediate_size": 40, "norm_topk_prob": False},
    ),
    "gemma": ("Gemma", GEMMA),
    "gemma2": ("Gemma2", GEMMA2),
    "gemma3": ("Gemma3Text", GEMMA3),
    "deepseek_v3": ("DeepseekV3", DEEPSEEK_V3),
    "gpt_oss": ("GptOss", GPT_OSS),
    "nemotron_h": ("NemotronH", NEMOTRON_H),
}
# Settings in which Megatron, as Bridge 0.3.1 configures it, computes something else than
# transformers.
DIFFERENT: dict[str, tuple[str, dict]] = {
    "llama_rope64": ("Llama", {"rope_scaling": {**LLAMA3, "original_max_position_embeddings": 64}}),
    "llama_rope_linear": ("Llama", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "mistral_window8": ("Mistral", {"head_dim": 24, "sliding_window": 8}),
    "qwen2_window8": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    ),
    "gemma_gelu": ("Gemma", {**GEMMA, "hidden_act": "gelu"}),
    "gemma2_window8": ("Gemma2", {**GEMMA2, "sliding_window": 8}),
    "gemma3_window8": ("Gemma3Text", {**GEMMA3, "sliding_window": 8}),
}

# Of the golden training runs only.
TRAINED: dict[str, tuple[str, dict]] = {"llama_plain": ("Llama", {})}


def write(family: str, out: str, seed: int = 1, dtype: str = "bfloat16", shards: int = 1) -> dict:
    """Writes config, weights, tokenizer. `shards`: about so many files, with an index."""
    import torch
    import transformers
    from oracle import settings as others

    prefix, changes = {**FAMILIES, **DIFFERENT, **TRAINED, **others.ALL}[family]
    settings = {
        key: value
        for key, value in {**BASE, **copy.deepcopy(changes)}.items()
        if not (value is None and key in BASE)
    }
    torch.manual_seed(seed)
    config = getattr(transformers, f"{prefix}Config")(**copy.deepcopy(settings))
    architecture = prefix.removesuffix("Text") + "ForCausalLM"
    model = getattr(transformers, architecture)(config)
    _fill(model, seed)
    kept = {
        name: tensor.clone()
        for name, tensor in model.state_dict().items()
        if name.endswith("e_score_correction_bias")
    }
    model = model.to(getattr(torch, dtype))
    for name, tensor in kept.items():  # published in float32
        module, leaf = name.rsplit(".", 1)
        model.get_submodule(module)._buffers[leaf] = tensor
    model.config.architectures = [architecture]
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=256, eos_token_id=257, pad_token_id=258
    )
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    model.save_pretrained(out, max_shard_size=size // shards + (1 if shards > 1 else 0))
    if family != "nemotron_h":  # published with transformers 5's keys only
        _spell_as_published(Path(out, "config.json"), settings)
    _write_tokenizer(Path(out))
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "transformers": transformers.__version__,
    }


def _fill(model, seed: int) -> None:
    """Norm gains around 1 (around 0 where the model adds 1), matrices scaled by their fan-in."""
    import torch

    adds_one = type(model).__name__.startswith("Gemma")
    persistent = set(model.state_dict())
    buffers = [(name, buffer) for name, buffer in model.named_buffers() if name in persistent]
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *buffers]:
            if not tensor.is_floating_point():
                continue
            # torch's CPU generator uses the low 32 bits of its seed only
            mixed = zlib.crc32(name.encode()) ^ ((seed - 1) * 0x9E3779B1 & 0xFFFFFFFF)
            random = torch.Generator().manual_seed(mixed)
            value = torch.randn(tensor.shape, generator=random)
            leaf = name.rsplit(".", 1)[-1]
            if leaf == "A_log":
                value = torch.log(1 + 15 * torch.rand(tensor.shape, generator=random))
            elif leaf == "dt_bias":
                value = value * 0.5 - 1.0
            elif tensor.dim() == 1 and leaf == "weight":
                value = 0.3 * value + (0.0 if adds_one else 1.0)
            elif tensor.dim() == 1 or "bias" in leaf or leaf == "D":
                value = 0.2 * value
            elif "embed" in name:
                value = 0.7 * value
            else:
                fan_in = tensor.shape[-1] if tensor.dim() == 2 else tensor.shape[-2]
                value = value * (0.8 / math.sqrt(fan_in))
            tensor.copy_(value.to(tensor.dtype))


def _spell_as_published(path: Path, settings: dict) -> None:
    """transformers 5 writes `dtype` and `rope_parameters`; published files, and Bridge, have the
    keys of 4.x.
    """
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    config.pop("rope_parameters")
    for key in ("rope_theta", "rope_local_base_freq"):
        if key in settings:
            config[key] = settings[key]
    config["rope_scaling"] = settings.get("rope_scaling")
    for key, value in settings.items():  # keys that newer classes normalise away
        config.setdefault(key, value)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def _write_tokenizer(out: Path) -> None:
    """Bytes and three special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    tokenizer.add_special_tokens(list(special.values()))
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **special,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 512,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    (out / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
