"""Logits, losses and gradients of every family equal transformers' on the same weights."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from oracle import toys
from safetensors import safe_open

from conftest import one_thread
from wide import Wide

LATER = {"deepseek_v3", "gpt_oss", "nemotron_h"}
CASES = sorted((set(toys.FAMILIES) | set(toys.DIFFERENT)) - LATER - {"llama_tp2"})
# Longer than every window (64, 8) and than the rope's original length (64) of the cases.
SEQUENCES, LENGTH = 2, 96


@dataclass
class Numbers:
    loss: float
    logits: torch.Tensor
    gradients: dict[str, torch.Tensor]


def tokens() -> torch.Tensor:
    random = torch.Generator().manual_seed(5)
    return torch.randint(0, 240, (SEQUENCES, LENGTH + 1), generator=random)


def transformers_numbers(hf: Path, dtype: torch.dtype) -> Numbers:
    config = transformers.AutoConfig.from_pretrained(hf)
    model_class = getattr(transformers, config.architectures[0])
    plain = {"attn_implementation": "eager", "experts_implementation": "eager"}
    model = model_class.from_pretrained(hf, dtype=dtype, **plain).train()
    ids = tokens()
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    gradients = {}
    for name, tensor in model.named_parameters():
        gradients |= unfused(name, tensor.grad.double())
    return Numbers(loss.item(), logits.detach().double(), gradients)


def unfused(name: str, gradient: torch.Tensor) -> dict[str, torch.Tensor]:
    """transformers keeps all experts of a layer in one tensor; files have one a projection."""
    stem, _, leaf = name.rpartition(".")
    if not stem.endswith("experts"):
        return {name: gradient}
    parts = {}
    for index, expert in enumerate(gradient):
        halves = expert.chunk(2) if leaf == "gate_up_proj" else [expert]
        leaves = ["gate_proj", "up_proj"] if leaf == "gate_up_proj" else [leaf]
        for each, half in zip(leaves, halves, strict=True):
            parts[f"{stem}.{index}.{each}.weight"] = half
    return parts


def our_numbers(engine: Path, hf: Path, dtype: str, folder: Path) -> Numbers:
    ids = tokens()
    given = folder / "tokens.bin"
    given.write_bytes(ids.numpy().astype("<i8").tobytes())
    command = [engine / "engine/tests/engine_probe", hf, given]
    command += [SEQUENCES, LENGTH, dtype, folder]
    subprocess.run([str(word) for word in command], check=True, timeout=300, env=one_thread())
    index = json.loads((folder / "index.json").read_text())
    with safe_open(hf / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  no dict
    values = torch.from_numpy(np.fromfile(folder / "gradients.bin", "<f8"))
    gradients, at = {}, 0
    for name in index["gradients"]:
        size = int(np.prod(shapes[name]))
        gradients[name] = values[at : at + size].view(shapes[name])
        at += size
    assert at == values.numel()
    logits = torch.from_numpy(np.fromfile(folder / "logits.bin", "<f8"))
    return Numbers(index["loss"], logits.view(SEQUENCES, LENGTH, -1), gradients)


def compare(ours: Numbers, theirs: Numbers, for_logits: float, for_gradients: float) -> None:
    def difference(a: torch.Tensor, b: torch.Tensor) -> float:
        return ((a - b).abs().max() / b.abs().max()).item()

    assert ours.logits.shape == theirs.logits.shape
    assert difference(ours.logits, theirs.logits) <= for_logits
    assert abs(ours.loss - theirs.loss) <= for_logits * abs(theirs.loss)
    assert set(ours.gradients) == set(theirs.gradients)
    found = {
        name: difference(ours.gradients[name], theirs.gradients[name]) for name in ours.gradients
    }
    worst = max(found, key=found.get)
    assert found[worst] <= for_gradients, f"{worst}: {found[worst]}"


@pytest.mark.parametrize("name", CASES)
def test_fp32(name: str, toy, engine: Path, tmp_path: Path) -> None:
    theirs = transformers_numbers(toy(name), torch.float32)
    compare(our_numbers(engine, toy(name), "float32", tmp_path), theirs, 1e-5, 1e-5)


@pytest.mark.parametrize("name", CASES)
def test_fp64_as_transformers_is(name: str, toy, engine: Path, tmp_path: Path) -> None:
    theirs = transformers_numbers(toy(name), torch.float64)
    compare(our_numbers(engine, toy(name), "float64", tmp_path), theirs, 1e-6, 1e-5)


@pytest.mark.parametrize("name", CASES)
def test_fp64_throughout(name: str, toy, engine: Path, tmp_path: Path) -> None:
    with Wide():
        theirs = transformers_numbers(toy(name), torch.float64)
    compare(our_numbers(engine, toy(name), "float64", tmp_path), theirs, 1e-12, 1e-9)
