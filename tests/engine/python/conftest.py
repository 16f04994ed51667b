"""Tests of the training engine against transformers: build the preset `engine` first."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
HF = ROOT / "tests/golden/llama/hf"
RECIPE = """
train: {micro_batch_size: 2, global_batch_size: 4, train_iters: 10}
model: {seq_length: 32}
optimizer: {lr: 1.0e-3, min_lr: 1.0e-4}
scheduler: {lr_decay_style: cosine, lr_warmup_iters: 2, lr_decay_iters: 10}
validation: {eval_iters: 2, eval_interval: 4}
logger: {log_interval: 1}
dataset: {split: "9999,8,2"}
"""
sys.path.insert(0, str(ROOT / "tests/interop"))


def one_thread() -> dict[str, str]:
    """For toys: threads that wait for each other take longer than the work."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def engine() -> Path:
    folder = Path(os.environ.get("BASCULE_ENGINE_BUILD", ROOT / "build/engine"))
    if not (folder / "engine/tests/engine_probe").exists():
        pytest.fail("the engine is not built: cmake --preset engine && cmake --build build/engine")
    return folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a toy of the converter's tests in fp32, once, and returns its directory."""
    from oracle import toys

    @functools.cache
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        toys.write(name, str(folder), dtype="float32")
        return folder

    return make


@pytest.fixture
def train(engine: Path, tmp_path: Path):
    """Trains a toy in a folder of the test; `train.command` is the same as words."""
    recipe = tmp_path / "toy.yaml"
    recipe.write_text(RECIPE)

    def run(save: str | None, *settings: str, code: int = 0) -> subprocess.CompletedProcess:
        command = [engine / "bascule-engine", "train", recipe]
        if not any(each.startswith(("model.family=", "checkpoint.pretrained")) for each in settings):
            command.append(f"checkpoint.pretrained_checkpoint={HF}")
        if save:
            command += [f"checkpoint.save={tmp_path / save}", f"checkpoint.load={tmp_path / save}"]
        call = subprocess.run(
            [str(word) for word in [*command, *settings]],
            capture_output=True, text=True, timeout=300, env=one_thread(), cwd=ROOT,
        )
        assert call.returncode == code, call.stderr
        return call

    run.command = lambda save, *settings: [
        str(engine / "bascule-engine"), "train", str(recipe),
        f"checkpoint.pretrained_checkpoint={HF}",
        f"checkpoint.save={tmp_path / save}", f"checkpoint.load={tmp_path / save}", *settings,
    ]
    return run


@pytest.fixture(scope="session")
def bascule(engine: Path):
    """The package, beside the extensions that were built for this Python."""
    sys.path.insert(0, str(engine / "python"))
    import bascule

    return bascule


@pytest.fixture
def config(bascule, tmp_path: Path):
    """Makes the settings that `train` has, in Python: a folder to save in, then key=value."""

    def make(save: str | None, *settings: str, model: Path | None = HF) -> Any:
        cfg = bascule.ConfigContainer.from_yaml(RECIPE)
        if model:
            cfg.checkpoint.pretrained_checkpoint = str(model)
        if save:
            cfg.checkpoint.save = cfg.checkpoint.load = str(tmp_path / save)
        for each in settings:
            path, value = each.split("=")
            *group, name = path.split(".")
            target = getattr(cfg, group[0]) if group else cfg
            try:
                setattr(target, name, json.loads(value))
            except json.JSONDecodeError:
                setattr(target, name, value)
        return cfg

    return make


def steps_of(root: Path) -> list[dict[str, float]]:
    """The rows of the steps of a run."""
    rows = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if "loss" in row]
