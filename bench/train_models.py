"""What bench/train.py trains: recipes of ours, made smaller where one GPU is to hold them, and steps."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Model:
    title: str
    recipe: str
    overrides: tuple[str, ...]
    batches: tuple[str, ...]
    device: str = "cuda"  # there in bf16, on "cpu" in fp32
    experts: bool = False


MODELS = {
    "llama32_1b": Model("Llama-3.2-1B", "llama32_1b", (), ("2x4096", "1x8192x4")),
    "llama3_8b_8layers": Model(
        "Llama-3-8B, 8 layers", "llama3_8b", ("model.num_layers=8",), ("1x8192",)
    ),
    "qwen3_30b_a3b_4layers": Model(
        "Qwen3-30B-A3B, 4 layers",
        "qwen3_30b_a3b",
        (
            "model.num_layers=4",
            "model.recompute_granularity=null",
            "model.recompute_method=null",
            "model.recompute_num_layers=null",
        ),
        ("2x4096",),
        experts=True,
    ),
    "smollm2_135m": Model(
        "SmolLM2-135M", "smollm2_135m", ("mixed_precision=null",), ("1x512",), device="cpu"
    ),
}


@dataclass(frozen=True)
class Work:
    """Steps of so many micro-batches of so many sequences of so many tokens."""

    model: str
    folder: Path  # of the weights, hf/, and of the data, tokens.{bin,idx}
    rows: int
    length: int
    accumulate: int
    in_turn: bool  # experts are chosen in turn, so that all are equally busy
    steps: int  # that are timed
    warm: int  # before those

    @property
    def samples(self) -> int:
        """Sequences of a step."""
        return self.rows * self.accumulate

    @property
    def tokens(self) -> int:
        return self.samples * self.length

    @property
    def name(self) -> str:
        times = f" x {self.accumulate}" if self.accumulate > 1 else ""
        return f"{self.rows} x {self.length}{times}{', experts in turn' if self.in_turn else ''}"

    def cache(self, steps: int) -> Path:
        """Of the data's indices, in a run of so many steps."""
        return self.folder / f"cache-{steps}"

    @cached_property
    def config(self) -> dict:
        return json.loads((self.folder / "hf/config.json").read_text())

    @property
    def flops(self) -> float:
        """Of a step: products of weights (those of experts that a token reaches) and causal attention,
        once forward and twice backward; two operations for a product and its addition."""
        c = self.config
        hidden, heads, kv = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
        dim = c.get("head_dim", hidden // heads)
        width = c["intermediate_size"]
        if "num_experts" in c:
            width = c["moe_intermediate_size"] * c["num_experts_per_tok"]
        attention = 2 * hidden * dim * (2 * heads + 2 * kv) + 2 * 2 * heads * dim * self.length / 2
        layer = attention + 6 * hidden * width
        return 3 * self.tokens * (c["num_hidden_layers"] * layer + 2 * hidden * c["vocab_size"])
