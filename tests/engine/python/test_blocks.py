"""Blocks that no family here uses equal transformers' own modules, forward and backward, in fp64.

transformers' casts to float32 are lifted by `Wide`.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import DeepseekV3Config, Glm4MoeConfig, GptOssConfig, NemotronConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE
from transformers.models.glm4_moe.modeling_glm4_moe import Glm4MoeMoE
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssAttention, GptOssRotaryEmbedding
from transformers.models.nemotron.modeling_nemotron import (
    NemotronDecoderLayer,
    NemotronRotaryEmbedding,
)

from conftest import one_thread
from wide import Wide

# As block.cpp has them.
SEQUENCES, LENGTH, HIDDEN = 2, 40, 32


@dataclass
class Case:
    module: nn.Module
    forward: Callable[[torch.Tensor], torch.Tensor]
    # slot: the parameter, or a part of it
    slots: dict[str, Callable[[], torch.Tensor]]


def positions() -> torch.Tensor:
    return torch.arange(LENGTH)[None].expand(SEQUENCES, -1)


def causal(window: int | None) -> torch.Tensor:
    """What is added to the scores."""
    distance = torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)
    hidden = (distance < 0) | (distance >= (window or LENGTH))
    return torch.zeros(LENGTH, LENGTH, dtype=torch.float64).masked_fill(hidden, -torch.inf)


def parameter(module: nn.Module, name: str) -> Callable[[], nn.Parameter]:
    return lambda: module.get_parameter(name)


def gpt_oss(window: int | None, truncate: bool) -> Case:
    yarn = {
        "rope_type": "yarn", "rope_theta": 150000.0, "factor": 4.0, "truncate": truncate,
        "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 16,
    }  # fmt: skip
    config = GptOssConfig(
        hidden_size=HIDDEN, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        attention_bias=True, sliding_window=window or 8, num_hidden_layers=1,
        layer_types=["sliding_attention" if window else "full_attention"],
        rope_parameters=yarn, max_position_embeddings=64, attn_implementation="eager",
    )  # fmt: skip
    module = GptOssAttention(config, 0)
    rope = GptOssRotaryEmbedding(config)

    def forward(x: torch.Tensor) -> torch.Tensor:
        return module(x, rope(x, positions()), causal(window))[0]

    slots = {"attn.sinks": parameter(module, "sinks")}
    for each in "qkvo":
        slots[f"attn.{each}"] = parameter(module, f"{each}_proj.weight")
        slots[f"attn.{each}.bias"] = parameter(module, f"{each}_proj.bias")
    return Case(module, forward, slots)


def sigmoid_moe(
    kind: type, config_kind: type, groups: int, best: int, scale: float, shared: int
) -> Case:
    config = config_kind(
        hidden_size=HIDDEN, n_routed_experts=8, num_local_experts=8, num_experts_per_tok=3,
        moe_intermediate_size=12, n_shared_experts=shared, n_group=groups, topk_group=best,
        routed_scaling_factor=scale, norm_topk_prob=True, hidden_act="silu",
        num_hidden_layers=1, experts_implementation="eager",
    )  # fmt: skip
    module = kind(config)
    with torch.no_grad():
        module.gate.e_score_correction_bias.copy_(torch.linspace(-0.2, 0.2, 8))
    slots = {
        "moe.router": parameter(module, "gate.weight"),
        "moe.expert_bias": lambda: module.gate.e_score_correction_bias,
    }
    for each in ("gate", "up", "down"):
        slots[f"moe.shared.{each}"] = parameter(module, f"shared_experts.{each}_proj.weight")
    halves = parameter(module, "experts.gate_up_proj")
    down = parameter(module, "experts.down_proj")
    for expert in range(8):
        slots[f"moe.experts.{expert}.gate"] = lambda e=expert: part(halves(), e, slice(0, 12))
        slots[f"moe.experts.{expert}.up"] = lambda e=expert: part(halves(), e, slice(12, 24))
        slots[f"moe.experts.{expert}.down"] = lambda e=expert: part(down(), e, slice(None))
    return Case(module, module, slots)


def part(whole: torch.Tensor, expert: int, rows: slice) -> torch.Tensor:
    """An expert's rows, with their gradient."""
    found = whole.detach()[expert, rows]
    if whole.grad is not None:
        found.grad = whole.grad[expert, rows]
    return found


def nemotron() -> Case:
    half = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
    config = NemotronConfig(
        hidden_size=HIDDEN, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
        intermediate_size=24, hidden_act="relu2", norm_eps=1e-5, num_hidden_layers=1,
        max_position_embeddings=64, attention_bias=False, mlp_bias=False,
        rope_parameters=half, attn_implementation="eager",
    )  # fmt: skip
    module = NemotronDecoderLayer(config, 0)
    rope = NemotronRotaryEmbedding(config)

    def forward(x: torch.Tensor) -> torch.Tensor:
        embeddings = rope(x, positions())
        out = module(x, attention_mask=causal(None), position_embeddings=embeddings)
        return out if isinstance(out, torch.Tensor) else out[0]

    slots = {}
    for each in "qkvo":
        slots[f"attn.{each}"] = parameter(module, f"self_attn.{each}_proj.weight")
    for each in ("up", "down"):
        slots[f"mlp.{each}"] = parameter(module, f"mlp.{each}_proj.weight")
    for ours, theirs in (("attn", "input"), ("mlp", "post_attention")):
        slots[f"{ours}_norm"] = parameter(module, f"{theirs}_layernorm.weight")
        slots[f"{ours}_norm.bias"] = parameter(module, f"{theirs}_layernorm.bias")
    return Case(module, forward, slots)


CASES: dict[str, Callable[[], Case]] = {
    "gpt_oss": lambda: gpt_oss(None, truncate=False),
    "gpt_oss_window": lambda: gpt_oss(8, truncate=True),
    "deepseek_v3": lambda: sigmoid_moe(DeepseekV3MoE, DeepseekV3Config, 4, 2, 2.5, 2),
    "glm4_moe": lambda: sigmoid_moe(Glm4MoeMoE, Glm4MoeConfig, 1, 1, 1.5, 1),
    "nemotron": nemotron,
}


def ours(
    engine: Path, name: str, given: dict[str, torch.Tensor], folder: Path
) -> dict[str, torch.Tensor]:
    (folder / "given.txt").write_text("".join(f"{each}\n" for each in given))
    with (folder / "given.bin").open("wb") as file:
        for tensor in given.values():
            file.write(tensor.detach().double().contiguous().numpy().tobytes())
    command = [str(engine / "engine/tests/engine_block"), name, str(folder)]
    subprocess.run(command, check=True, timeout=60, env=one_thread())
    values = torch.from_numpy(np.fromfile(folder / "got.bin", "<f8"))
    found, at = {}, 0
    for each in (folder / "got.txt").read_text().splitlines():
        like = given["in"] if each in ("out", "din") else given[each]
        found[each] = values[at : at + like.numel()].view(like.shape)
        at += like.numel()
    assert at == values.numel()
    return found


@pytest.mark.parametrize("name", sorted(CASES))
def test_equals_transformers(name: str, engine: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    with Wide():
        case = CASES[name]()
        case.module.double()
        for each in case.module.parameters():
            nn.init.normal_(each, std=0.3)
        x = torch.randn(SEQUENCES, LENGTH, HIDDEN, dtype=torch.float64, requires_grad=True)
        dout = torch.randn(SEQUENCES, LENGTH, HIDDEN, dtype=torch.float64)
        out = case.forward(x)
        out.backward(dout)
    given = {"in": x.detach().flatten(0, 1), "dout": dout.flatten(0, 1)}
    given |= {f"layers.0.{slot}": find() for slot, find in case.slots.items()}
    found = ours(engine, name, given, tmp_path)
    expected = {"out": out.detach().flatten(0, 1), "din": x.grad.flatten(0, 1)}
    for slot, find in case.slots.items():
        gradient = find().grad
        if gradient is not None:
            expected[f"layers.0.{slot}"] = gradient
    assert len(expected) > len(list(case.module.parameters()))
    for each, theirs in expected.items():
        difference = ((found[each] - theirs).abs().max() / theirs.abs().max()).item()
        assert difference <= (1e-12 if each == "out" else 1e-9), f"{each}: {difference}"
