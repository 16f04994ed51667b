"""Twenty optimizer steps of toy models equal those of the real megatron-core."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from conftest import one_thread

GOLDEN = Path(__file__).resolve().parents[2] / "golden/training"
# Bridge takes the balancing of Qwen3-MoE from itself, not from config.json.
AUX = "model.moe_aux_loss_coeff=0.1"
# run: (family, settings beside steps.yaml)
RUNS: dict[str, tuple[str, list[str]]] = {
    "llama": ("llama", []),
    "llama_tied": ("llama_tied", []),
    "qwen3": ("qwen3", []),
    "gemma2": ("gemma2", []),
    "qwen3_moe": ("qwen3_moe", ["model.moe_aux_loss_coeff=0.001"]),
    "qwen3_moe_aux": ("qwen3_moe", [AUX]),
    "qwen3_moe_seq_aux": (
        "qwen3_moe",
        [AUX, "model.moe_router_load_balancing_type=seq_aux_loss"],
    ),
    "qwen3_moe_global_aux": (
        "qwen3_moe",
        [AUX, "model.moe_router_load_balancing_type=global_aux_loss"],
    ),
    "qwen3_moe_z": ("qwen3_moe", [AUX, "model.moe_z_loss_coeff=0.01"]),
    "qwen3_moe_mask_per_token": ("qwen3_moe", [AUX]),
    "qwen3_moe_idle": (
        "qwen3_moe",
        [
            "model.moe_aux_loss_coeff=0.001",
            "model.seq_length=4",
            "train.micro_batch_size=1",
            "train.global_batch_size=1",
            "optimizer.lr=1.0e-2",
            "optimizer.weight_decay=1.0",
            "scheduler.lr_warmup_iters=0",
        ],
    ),
    "llama_per_token": ("llama_plain", []),
    "llama_eps": (
        "llama_plain",
        [
            "optimizer.weight_decay=0.5",
            "optimizer.adam_beta1=0.8",
            "optimizer.adam_beta2=0.95",
            "optimizer.adam_eps=1.0e-3",
        ],
    ),
    "llama_isqrt": (
        "llama_plain",
        [
            "train.train_iters=12",
            "scheduler.lr_warmup_iters=4",
            "scheduler.lr_warmup_init=1.0e-4",
            "scheduler.lr_decay_style=inverse-square-root",
        ],
    ),
    "llama_noclip": ("llama_plain", ["train.global_batch_size=6", "optimizer.clip_grad=0"]),
}
# Losses and norms, relative: fp32 sums in another order. An expert's near tie could flip; none
# does.
TOLERANCE = 1e-5
# Four tokens a step at a high learning rate: rounding grows tenfold by the twentieth step.
GROWING = {"qwen3_moe_idle": 1e-4}
# Final weights, in units of how far their tensor has moved. Adam divides a gradient by its own
# size, so that the rounding of small ones is not small. What is wrong on purpose (a decay of
# norms, another balancing loss) moves weights by 5e-3 or more.
WEIGHT = 1e-4
WEIGHTS = {"qwen3_moe_idle": 1e-3}


def same_start(family: str, hf: Path) -> None:
    """The toy's tensors are those that the golden run began with."""
    weights = load_file(hf / "model.safetensors")
    golden = GOLDEN / family.removesuffix("_plain") / "initial.jsonl"  # rope is no weight
    for line in golden.read_text().splitlines():
        row = json.loads(line)
        found = hashlib.sha256(weights[row["key"]].tobytes()).hexdigest()
        assert found == row["sha256"], row["key"]


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("run", sorted(RUNS))
def test_equals_megatron(run: str, toy, engine: Path, tmp_path: Path) -> None:
    family, settings = RUNS[run]
    same_start(family, toy(family))
    tokens = np.load(GOLDEN / run / "tokens.npy")
    given = tmp_path / "tokens.bin"
    given.write_bytes(tokens.astype("<i8").tobytes())
    mask = GOLDEN / run / "loss_mask.npy"
    if mask.exists():
        (tmp_path / "mask.bin").write_bytes(np.load(mask).astype("<f4").tobytes())
        settings = [f"mask={tmp_path / 'mask.bin'}", *settings]
    saved = tmp_path / "saved"
    command = [
        engine / "engine/tests/engine_steps", toy(family), given, *settings,
        f"checkpoint.save={saved}", "checkpoint.save_optim=false",
        "checkpoint.also_save_hf_checkpoint=true",
    ]  # fmt: skip
    call = subprocess.run(
        [str(word) for word in command],
        check=True, capture_output=True, text=True, timeout=300, env=one_thread(),
    )
    tolerance = GROWING.get(run, TOLERANCE)
    found, expected = lines(call.stdout), lines((GOLDEN / run / "steps.jsonl").read_text())
    assert len(found) == len(expected) >= 12
    for ours, theirs in zip(found, expected, strict=True):
        for key in ("lr", "wd"):
            assert ours[key] == pytest.approx(theirs[key], rel=1e-12, abs=1e-15), theirs["step"]
        for key in ("loss", "grad_norm"):
            assert ours[key] == pytest.approx(theirs[key], rel=tolerance), (theirs["step"], key)
    probe = GOLDEN / run / "final_probe.jsonl"
    if probe.exists():
        [final] = saved.glob("iter_*/hf")
        same_weights(toy(family), final, lines(probe.read_text()), WEIGHTS.get(run, WEIGHT))


def same_weights(initial: Path, final: Path, probes: list[dict], tolerance: float) -> None:
    """Each tensor moved as far as Megatron's and to the same place, in units of how far it moved."""
    before, after = (load_file(path / "model.safetensors") for path in (initial, final))
    assert set(after) == {probe["key"] for probe in probes}
    for probe in probes:
        key, moved = probe["key"], probe["change_norm"]
        now = after[key].astype(np.float64)
        change = np.linalg.norm(now - before[key])
        assert change == pytest.approx(moved, rel=tolerance), key
        assert np.linalg.norm(now) == pytest.approx(probe["norm"], abs=tolerance * moved), key
        # A single value may be off by more than the root mean square.
        each = 10 * tolerance * moved / np.sqrt(now.size)
        assert now.flat[probe["index"]] == pytest.approx(probe["value"], abs=each), key
