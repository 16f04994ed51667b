#!/usr/bin/env python3
"""Writes a GGUF file of a Llama as a bf16 Hugging Face directory: the quick start's example.

    gguf_to_hf.py MODEL.gguf HF_DIR     (needs gguf and numpy, not torch)

The weights are decoded from their blocks (the example's had 4 bits) and rounded to bf16; the
tokenizer is rebuilt from the metadata. What a GGUF file does not hold (activation, initializer
range, ...) comes from PUBLISHED, and what both hold must agree.
"""

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

import safetensors_writer

# config.json as published for SmolLM2-135M-Instruct.
PUBLISHED: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 576,
    "initializer_range": 0.041666666666666664,
    "intermediate_size": 1536,
    "is_llama_config": True,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "pad_token_id": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_interleaved": False,
    "rope_scaling": None,
    "rope_theta": 100000,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16", "fp16": "float16"}},
    "transformers_version": "4.42.3",
    "use_cache": True,
    "vocab_size": 49152,
}

# config.json's key: the metadata that states the same fact.
FACTS = {
    "bos_token_id": "tokenizer.ggml.bos_token_id",
    "eos_token_id": "tokenizer.ggml.eos_token_id",
    "hidden_size": "llama.embedding_length",
    "intermediate_size": "llama.feed_forward_length",
    "max_position_embeddings": "llama.context_length",
    "model_type": "general.architecture",
    "num_attention_heads": "llama.attention.head_count",
    "num_hidden_layers": "llama.block_count",
    "num_key_value_heads": "llama.attention.head_count_kv",
    "pad_token_id": "tokenizer.ggml.padding_token_id",
    "rms_norm_eps": "llama.attention.layer_norm_rms_epsilon",
    "rope_theta": "llama.rope.freq_base",
    "vocab_size": "llama.vocab_size",
}

# Hugging Face's name: GGUF's name, and whose heads permute its rows.
MODEL = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}
LAYER = {
    "input_layernorm.weight": ("attn_norm.weight", None),
    "mlp.down_proj.weight": ("ffn_down.weight", None),
    "mlp.gate_proj.weight": ("ffn_gate.weight", None),
    "mlp.up_proj.weight": ("ffn_up.weight", None),
    "post_attention_layernorm.weight": ("ffn_norm.weight", None),
    "self_attn.k_proj.weight": ("attn_k.weight", "num_key_value_heads"),
    "self_attn.o_proj.weight": ("attn_output.weight", None),
    "self_attn.q_proj.weight": ("attn_q.weight", "num_attention_heads"),
    "self_attn.v_proj.weight": ("attn_v.weight", None),
}

CONTROL = 3  # tokenizer.ggml.token_type of a token that no text can spell


def checked_config(metadata: Callable[[str], Any]) -> dict[str, Any]:
    """Returns PUBLISHED after comparing it with what the GGUF file says."""
    for key, name in FACTS.items():
        held, published = metadata(name), PUBLISHED[key]
        same = (
            np.float32(held) == np.float32(published)
            if key == "rms_norm_eps"
            else held == published
        )
        if not same:
            raise SystemExit(f"{name} is {held}, config.json's {key} is {published}: another model")
    return PUBLISHED


def unpermuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undoes GGUF's order of a head's rows.

    Its rotary embedding turns rows 2i and 2i+1 together, Hugging Face's rows i and i + half.
    """
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def bf16(values: np.ndarray) -> bytes:
    """Rounds float32 to bfloat16, to nearest, ties to even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def weights(reader: gguf.GGUFReader, config: dict[str, Any]) -> list[safetensors_writer.Tensor]:
    """Lists the model's tensors in the order of their names, as the published file does."""
    stored = {tensor.name: tensor for tensor in reader.tensors}
    names: dict[str, tuple[str, str | None]] = {name: (held, None) for name, held in MODEL.items()}
    for layer in range(config["num_hidden_layers"]):
        for name, (held, heads) in LAYER.items():
            names[f"model.layers.{layer}.{name}"] = (f"blk.{layer}.{held}", heads)
    unknown = stored.keys() - {held for held, _ in names.values()}
    if unknown:
        raise SystemExit(
            f"the GGUF file holds tensors that a tied Llama has not: {sorted(unknown)}"
        )

    def data(held: str, heads: str | None) -> Iterator[bytes]:
        tensor = stored[held]
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        yield bf16(unpermuted(values, config[heads]) if heads else values)

    return [
        safetensors_writer.Tensor(
            name,
            "BF16",
            tuple(int(n) for n in reversed(stored[held].shape)),
            lambda held=held, heads=heads: data(held, heads),
        )
        for name, (held, heads) in sorted(names.items())
    ]


def tokenizer_files(metadata: Callable[[str], Any], config: dict[str, Any]) -> dict[str, Any]:
    """Rebuilds the tokenizer: byte-level BPE whose digits stand alone."""
    if (kind := (metadata("tokenizer.ggml.model"), metadata("tokenizer.ggml.pre"))) != (
        "gpt2",
        "smollm",
    ):
        raise SystemExit(f"the tokenizer is {kind}, only ('gpt2', 'smollm') can be rebuilt")
    tokens, merges = metadata("tokenizer.ggml.tokens"), metadata("tokenizer.ggml.merges")
    types = metadata("tokenizer.ggml.token_type")
    special = {
        str(i): {
            "content": token,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for i, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind == CONTROL
    }
    vocab = {token: i for i, token in enumerate(tokens)}
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    roles = {
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "pad_token": tokens[config["pad_token_id"]],
        "unk_token": tokens[metadata("tokenizer.ggml.unknown_token_id")],
    }
    return {
        "tokenizer.json": {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": int(i), **token} for i, token in special.items()],
            "normalizer": None,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
            },
            "post_processor": None,
            "decoder": byte_level | {"add_prefix_space": True},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": vocab,
                "merges": merges,
            },
        },
        "tokenizer_config.json": roles
        | {
            "add_prefix_space": False,
            "added_tokens_decoder": special,
            "additional_special_tokens": [roles["bos_token"], roles["eos_token"]],
            "chat_template": metadata("tokenizer.chat_template"),
            "clean_up_tokenization_spaces": False,
            "model_max_length": config["max_position_embeddings"],
            "tokenizer_class": "GPT2Tokenizer",
            "vocab_size": config["vocab_size"],
        },
        "special_tokens_map.json": roles
        | {"additional_special_tokens": [roles["bos_token"], roles["eos_token"]]},
        "vocab.json": vocab,
        "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n",
    }


def convert(source: Path, target: Path) -> None:
    """Writes `target`, which appears only when it is complete."""
    reader = gguf.GGUFReader(source)

    def metadata(name: str) -> Any:
        return reader.fields[name].contents()

    config = checked_config(metadata)
    tensors = weights(reader, config)
    kinds = sorted({tensor.tensor_type.name for tensor in reader.tensors if len(tensor.shape) > 1})
    files = tokenizer_files(metadata, config) | {
        "config.json": config,
        "generation_config.json": {"_from_model_config": True}
        | {
            key: config[key]
            for key in ("bos_token_id", "eos_token_id", "pad_token_id", "transformers_version")
        },
        "README.md": f"# {source.stem.split('.Q')[0]}\n\nLicence: {metadata('general.license')}. "
        f"Decoded from `{source.name}` ({', '.join(kinds)}) and rounded to bf16:\n"
        "an example for converters, not the published weights.\n",
    }
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, content in files.items():
        compact = name in ("vocab.json",)
        text = (
            content
            if isinstance(content, str)
            else json.dumps(content, indent=None if compact else 2, ensure_ascii=False) + "\n"
        )
        (partial / name).write_text(text, encoding="utf-8")
    size = safetensors_writer.write(partial / "model.safetensors", tensors)
    partial.rename(target)
    print(
        f"{target}: {len(tensors)} tensors, {size / 1e6:.0f} MB of bf16. These example weights "
        f"were 4-bit ({', '.join(kinds)}): good for a tour, not for quality."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("gguf", type=Path, metavar="MODEL.gguf")
    parser.add_argument("target", type=Path, metavar="HF_DIR")
    arguments = parser.parse_args()
    convert(arguments.gguf, arguments.target)
