"""What steers the loop of `bascule-engine train`: a growing batch, the time limit, skipped steps."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from conftest import HF, ROOT, steps_of
from test_bad_days import write_dataset
from test_train import data

VOCABULARY = 259
RARE = 7  # a token


def test_the_batch_grows_and_resumes_bit_for_bit(train, tmp_path: Path) -> None:
    """By Megatron's rule: by 2 for every 8 of the 16 samples, of which the growth is through."""
    ramp = ["train.rampup_batch_size=[2,2,16]", "train.global_batch_size=6"]
    train("straight", *ramp)
    rows = steps_of(tmp_path / "straight")
    sizes = [row["global_batch_size"] for row in rows]
    assert sizes == [2, 2, 2, 2, 4, 4, 6, 6, 6, 6]
    assert [row["consumed_samples"] for row in rows] == list(np.cumsum(sizes))
    train("stopped", *ramp, "train.exit_interval=5")
    train("stopped", *ramp)
    assert data(tmp_path / "stopped") == data(tmp_path / "straight")


def test_the_time_limit_saves_and_resumes_bit_for_bit(train, tmp_path: Path) -> None:
    train("straight")
    for step in range(1, 4):
        call = train("stopped", "train.exit_duration_in_mins=1e-6")
        assert f"done: step {step} of 10, stopped by train.exit_duration_in_mins" in call.stdout
        assert (tmp_path / f"stopped/iter_{step:07}/.metadata").exists()
    train("stopped")
    assert data(tmp_path / "stopped") == data(tmp_path / "straight")


def test_a_step_that_is_not_finite_is_skipped(train, tmp_path: Path) -> None:
    """The embedding of a token that one sample has is infinite, and so are its step's gradients."""
    start = tmp_path / "start"
    shutil.copytree(HF, start)
    weights = load_file(start / "model.safetensors")
    weights["model.embed_tokens.weight"][RARE] = torch.inf
    save_file(weights, start / "model.safetensors", metadata={"format": "pt"})

    tokens = np.random.default_rng(1).integers(RARE + 1, VOCABULARY, 32 * 60 + 1)
    tokens[32 * 20 + 5] = RARE
    settings = [
        f"checkpoint.pretrained_checkpoint={start}", "dataset.split=1", "validation.eval_iters=0",
        f"dataset.blend={write_dataset(tmp_path / 'data', tokens)}", "train.train_iters=15",
        "scheduler.lr_decay_iters=15",
    ]  # fmt: skip
    call = train("run", *settings)
    assert "warning: skipped steps, whose gradients were not finite: 1;" in call.stderr
    rows = steps_of(tmp_path / "run")
    skipped = [row["step"] for row in rows if row["skipped"]]
    assert len(rows) == 15
    assert len(skipped) == 1, skipped
    for row in rows:
        finite = row["step"] not in skipped
        assert (row["loss"] is not None and row["grad_norm"] is not None) == finite, row
    assert [row["consumed_samples"] for row in rows] == [4 * (i + 1) for i in range(15)]

    # The schedule stands still while nothing is updated.
    rates = [row["lr"] for row in rows]
    assert rates[skipped[0]] == rates[skipped[0] - 1]
    assert len(set(rates)) == 14
    state = torch.load(tmp_path / "run/iter_0000015/common.pt", weights_only=True)
    assert state["opt_param_scheduler"]["num_steps"] == 14 * 4
    assert state["optimizer"]["optimizer"]["param_groups"][0]["lr"] < rates[-1]

    lines = [line for line in call.stdout.splitlines() if "number of skipped iterations" in line]
    found = [int(line.split("number of skipped iterations:")[1].split("|")[0]) for line in lines]
    assert sum(found) == max(found) == 1, found

    train("again", *settings, f"train.exit_interval={skipped[0]}")
    train("again", *settings)
    assert data(tmp_path / "again", 15) == data(tmp_path / "run", 15)
    assert json.loads((tmp_path / "again/metrics.jsonl").read_text().splitlines()[-1])["loss"] > 0


def test_an_index_of_an_empty_split_is_read_again(train, tmp_path: Path) -> None:
    blend = write_dataset(tmp_path / "data", np.arange(3000) % VOCABULARY)  # one document
    settings = [f"dataset.blend={blend}", "validation.eval_iters=0"]
    cache = f"dataset.path_to_cache={tmp_path / 'cache'}"
    train("plain", *settings)
    for name in ("made", "read"):
        train(name, *settings, cache)
        assert data(tmp_path / name) == data(tmp_path / "plain")


def test_too_few_samples_are_said_before_the_first_step(train, tmp_path: Path) -> None:
    """Datasets without weights are read once, as Megatron reads them."""
    paths = [write_dataset(tmp_path / name, np.arange(1500) % VOCABULARY) for name in "ab"]
    blend = f"dataset.blend=[{paths[0]},{paths[1]}]"
    settings = [blend, "dataset.split=1", "validation.eval_iters=0"]
    train("enough", *settings)
    call = train("few", *settings, "train.train_iters=4000", code=2)
    assert "train.train_iters asks for 16000 samples" in call.stderr
    assert not (tmp_path / "few/metrics.jsonl").exists()


def test_the_schedule_goes_on_from_its_own_samples(train, tmp_path: Path) -> None:
    """As Megatron's: not from those consumed, and from 0 where the optimizer is not loaded."""
    train("straight")
    rates = [row["lr"] for row in steps_of(tmp_path / "straight")]

    def next_rate(*settings: str, **changes: int | None) -> float:
        train("run", "train.exit_interval=3")
        file = tmp_path / "run/iter_0000003/common.pt"
        state = torch.load(file, weights_only=True)
        schedule = state["opt_param_scheduler"]
        assert schedule["num_steps"] == 3 * 4
        state["opt_param_scheduler"] = {
            key: value for key, value in (schedule | changes).items() if value is not None
        }
        torch.save(state, file)
        train("run", "train.exit_interval=1", *settings)
        row = steps_of(tmp_path / "run")[-1]
        shutil.rmtree(tmp_path / "run")
        return row["lr"]

    assert next_rate() == rates[3]
    assert next_rate(num_steps=5 * 4) == rates[5]
    assert next_rate("scheduler.override_opt_param_scheduler=true", num_steps=5 * 4) == rates[5]
    assert next_rate(num_steps=None, num_iters=6 * 4) == rates[6]
    assert next_rate(num_steps=None) == rates[3]
    assert next_rate("checkpoint.load_optim=false") == rates[0] == 0
    assert next_rate("checkpoint.finetune=true") == rates[0]


def test_what_routers_are_told_beside_the_loss(train, tmp_path: Path) -> None:
    """By Megatron's names, without coefficients, as means over layers and micro-batches."""
    mixture = f"checkpoint.pretrained_checkpoint={ROOT / 'tests/golden/qwen3_moe/hf'}"

    def reported(*settings: str) -> list[dict[str, float]]:
        call = train("run", mixture, "train.train_iters=2", "scheduler.lr_decay_iters=3", *settings)
        rows = [row.get("reported", {}) for row in steps_of(tmp_path / "run")]
        lines = [line for line in call.stdout.splitlines() if "lm loss:" in line]
        for row, line in zip(rows, lines, strict=True):
            for name, value in row.items():
                assert f" {name}: {value:.6E} |" in line
        shutil.rmtree(tmp_path / "run")
        return rows

    kind, z = "model.moe_router_load_balancing_type=", "model.moe_z_loss_coeff="
    coefficient = "model.moe_aux_loss_coeff="
    first, second = reported(f"{kind}aux_loss", f"{coefficient}0.01", f"{z}0.001")
    assert set(first) == {"load_balancing_loss", "z_loss"}
    settings = [mixture, f"{kind}aux_loss", f"{coefficient}0.01", f"{z}0.001", "train.train_iters=2"]
    call = train("run", *settings, "scheduler.lr_decay_iters=3", "logger.log_interval=2")
    for name in first:  # Megatron's line: the mean over its steps
        assert f" {name}: {(first[name] + second[name]) / 2:.6E} |" in call.stdout
    shutil.rmtree(tmp_path / "run")
    assert 0.9 < first["load_balancing_loss"] < 2  # 1: all experts are equally busy
    assert first["z_loss"] > 0 and second != first
    assert reported(f"{kind}aux_loss", f"{coefficient}0.5", f"{z}0.2")[0] == first
    assert reported(f"{kind}aux_loss", f"{coefficient}0", f"{z}0.2")[0] == {"z_loss": first["z_loss"]}
    assert reported(f"{kind}none", f"{coefficient}0.5") == [{}, {}]
    whole, apart = (
        reported(f"{kind}seq_aux_loss", f"{coefficient}0.01", f"train.micro_batch_size={size}")[0]
        for size in (4, 1)
    )
    assert set(whole) == {"seq_load_balancing_loss"}
    assert apart == pytest.approx(whole, rel=1e-5)
    every = reported(f"{kind}global_aux_loss", f"{coefficient}0.01")[0]
    assert set(every) == {"global_load_balancing_loss"}
