#!/usr/bin/env python3
"""Writes a model of random bf16 weights as a Hugging Face directory; standard library only.

    random_model.py HF_DIR --size 120m|220m|1b|8b|mixture [--seed N] [--shards N]

1b and 8b have the config.json of Llama-3.2-1B and Llama-3.1-8B; mixture is a Qwen3-MoE of 61 layers
of 384 experts as Kimi-K2 is, 71,000 tensors, but narrow ones. The values are random numbers of
ordinary size (2^-9 to 2^-5, both signs); no two tensors start alike.
"""

import argparse
import json
import random
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import safetensors_writer

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128000,
    "eos_token_id": 128001,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.45.0",
    "use_cache": True,
    "vocab_size": 128256,
}
LLAMA3_ROPE = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
QWEN3_MOE: dict[str, Any] = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "decoder_sparse_step": 1,
    "eos_token_id": 151645,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 40960,
    "mlp_only_layers": [],
    "model_type": "qwen3_moe",
    "norm_topk_prob": True,
    "output_router_logits": False,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000.0,
    "router_aux_loss_coef": 0.001,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.51.0",
    "use_cache": True,
    "use_sliding_window": False,
}
SIZES: dict[str, tuple[int, dict[str, Any]]] = {  # shards, config
    "120m": (
        2,
        LLAMA
        | {
            "hidden_size": 768,
            "intermediate_size": 2048,
            "num_attention_heads": 12,
            "num_hidden_layers": 12,
            "num_key_value_heads": 4,
            "rope_scaling": None,
            "tie_word_embeddings": True,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "vocab_size": 32000,
        },
    ),
    "220m": (
        2,
        LLAMA
        | {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_attention_heads": 16,
            "num_hidden_layers": 12,
            "num_key_value_heads": 4,
            "rope_scaling": None,
            "tie_word_embeddings": True,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "vocab_size": 32000,
        },
    ),
    "1b": (
        1,
        LLAMA
        | {
            "head_dim": 64,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_attention_heads": 32,
            "num_hidden_layers": 16,
            "num_key_value_heads": 8,
            "rope_scaling": LLAMA3_ROPE | {"factor": 32.0},
            "tie_word_embeddings": True,
        },
    ),
    "8b": (
        4,
        LLAMA
        | {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_attention_heads": 32,
            "num_hidden_layers": 32,
            "num_key_value_heads": 8,
            "rope_scaling": LLAMA3_ROPE,
            "tie_word_embeddings": False,
        },
    ),
    "mixture": (
        1,
        QWEN3_MOE
        | {
            "head_dim": 16,
            "hidden_size": 32,
            "intermediate_size": 128,
            "moe_intermediate_size": 32,
            "num_attention_heads": 2,
            "num_experts": 384,
            "num_experts_per_tok": 8,
            "num_hidden_layers": 61,
            "num_key_value_heads": 1,
            "vocab_size": 151936,
        },
    ),
}
# A tokenizer that Hugging Face loads: one token a printable character.
TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "WordLevel",
        "vocab": {chr(32 + i): i for i in range(95)},
        "unk_token": "?",
    },
}
POOL_BYTES = 32 << 20
PIECE_BYTES = 8 << 20


def shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the model's order."""
    hidden = config["hidden_size"]
    head = config.get("head_dim", hidden // config["num_attention_heads"])
    queries, keys = (config[f"num_{kind}_heads"] * head for kind in ("attention", "key_value"))
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], hidden)
    }
    layer_shapes: dict[str, tuple[int, ...]] = {
        "input_layernorm": (hidden,),
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "post_attention_layernorm": (hidden,),
    }
    experts = config.get("num_experts", 0)
    if experts:
        layer_shapes |= {"self_attn.q_norm": (head,), "self_attn.k_norm": (head,)}
        layer_shapes["mlp.gate"] = (experts, hidden)
    inner = config["moe_intermediate_size" if experts else "intermediate_size"]
    for mlp in [f"mlp.experts.{expert}" for expert in range(experts)] or ["mlp"]:
        layer_shapes |= {
            f"{mlp}.gate_proj": (inner, hidden),
            f"{mlp}.up_proj": (inner, hidden),
            f"{mlp}.down_proj": (hidden, inner),
        }
    for layer in range(config["num_hidden_layers"]):
        for name, shape in layer_shapes.items():
            found[f"model.layers.{layer}.{name}.weight"] = shape
    found["model.norm.weight"] = (hidden,)
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (config["vocab_size"], hidden)
    return found


def pool(chance: random.Random) -> memoryview:
    """Random bf16 values without NaN and infinity, from which the tensors are cut."""
    values = bytearray(chance.randbytes(POOL_BYTES))
    high = bytes((0x80 if byte & 1 else 0) | (0x3B + (byte >> 1 & 1)) for byte in range(256))
    values[1::2] = values[1::2].translate(high)
    return memoryview(bytes(values))


def write_model(folder: Path, size: str, seed: int = 1, shards: int | None = None) -> int:
    """Writes the directory and returns the bytes of its weights."""
    default_shards, config = SIZES[size]
    shards = shards or default_shards
    chance = random.Random(seed)
    values = pool(chance)

    def data(total: int) -> Iterator[bytes]:
        for start in range(0, total, PIECE_BYTES):
            length = min(PIECE_BYTES, total - start)
            cut = chance.randrange(0, POOL_BYTES - length + 1, 2)
            yield values[cut : cut + length]

    tensors = [
        safetensors_writer.Tensor(name, "BF16", shape, lambda shape=shape: data(2 * prod(shape)))
        for name, shape in shapes(config).items()
    ]
    folder.mkdir(parents=True)
    total = sum(tensor.size for tensor in tensors)
    groups: list[list[safetensors_writer.Tensor]] = [[] for _ in range(shards)]
    before = 0
    for tensor in tensors:
        groups[min(before * shards // total, shards - 1)].append(tensor)
        before += tensor.size
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    if shards == 1:
        names = ["model.safetensors"]
    for name, group in zip(names, groups, strict=True):
        safetensors_writer.write(folder / name, group)
    if shards > 1:
        index = {
            "metadata": {"total_size": total},
            "weight_map": {
                t.name: n for n, group in zip(names, groups, strict=True) for t in group
            },
        }
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    others: dict[str, dict[str, Any]] = {
        "config.json": dict(sorted(config.items())),
        "generation_config.json": {key: config[key] for key in ("bos_token_id", "eos_token_id")},
        "tokenizer.json": TOKENIZER,
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"},
    }
    for name, content in others.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="HF_DIR")
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int)
    given = parser.parse_args()
    written = write_model(given.folder, given.size, given.seed, given.shards)
    print(f"{given.folder}: {written / 1e9:.2f} GB")
