"""The quick start of training: Megatron Bridge's, unedited, and bascule's own words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bascule
from conftest import ROOT, Run, torchrun, unedited

CHECKPOINTS = "nemo_experiments/default/checkpoints"
# What BASCULE_OVERRIDES cuts down, so that ten steps take a second.
SIZES = (
    "model.num_layers=2 model.hidden_size=64 model.ffn_hidden_size=128 model.kv_channels=16 "
    "model.num_attention_heads=4 model.num_query_groups=2 model.seq_length=64 "
    "dataset.seq_length=64 train.global_batch_size=2 train.micro_batch_size=1 "
    "scheduler.lr_warmup_iters=2 validation.eval_iters=1"
)


def losses(folder: Path) -> list[float]:
    rows = (folder / CHECKPOINTS / "metrics.jsonl").read_text().splitlines()
    return [row["loss"] for row in map(json.loads, rows) if "loss" in row]


def check(folder: Path, program: Path, again: list[str], run: Run) -> None:
    """Runs a program twice: it trains under torchrun; then, by `again`, finds that it is done."""
    first = run(*torchrun(), program, BASCULE_OVERRIDES=SIZES)
    assert "iteration       10/      10" in first.stdout
    assert len(losses(folder)) == 10
    checkpoint = folder / CHECKPOINTS / "iter_0000010"
    assert bascule.verify(checkpoint)
    settings = (checkpoint / "bascule/recipe.yaml").read_text()
    for line in ("vocab_size: 8192", "lr_decay_iters: 10000", "train_iters: 10", "num_layers: 2"):
        assert line in settings
    before = {path: path.stat().st_mtime_ns for path in checkpoint.rglob("*")}
    second = run(*again, program, BASCULE_OVERRIDES=SIZES)
    assert "nothing to do: 10 of 10 steps are done" in second.stdout
    assert before == {path: path.stat().st_mtime_ns for path in checkpoint.rglob("*")}


def test_the_unedited_program(run: Run, tmp_path: Path) -> None:
    check(tmp_path, unedited("train.py"), torchrun(), run)


def test_the_example(run: Run, tmp_path: Path) -> None:
    check(tmp_path, ROOT / "examples/train.py", [sys.executable], run)


def test_both_are_the_same_run(run: Run, tmp_path: Path) -> None:
    program = unedited("train.py")
    for folder, words in (("theirs", [program]), ("ours", [ROOT / "examples/train.py"])):
        (tmp_path / folder).mkdir()
        moved = f"import os, runpy; os.chdir({folder!r}); runpy.run_path({str(words[0])!r}, "
        run(sys.executable, "-c", f"{moved}run_name='__main__')", BASCULE_OVERRIDES=SIZES)
    assert losses(tmp_path / "theirs") == losses(tmp_path / "ours")
    assert bascule.verify(tmp_path / "theirs" / CHECKPOINTS, tmp_path / "ours" / CHECKPOINTS)


def test_two_ranks_are_refused(run: Run, tmp_path: Path) -> None:
    words = [*torchrun(2), ROOT / "examples/train.py"]
    failed = run(*words, code=1, BASCULE_OVERRIDES=SIZES).stderr
    assert "WORLD_SIZE is 2: runs of several ranks are not supported yet" in failed
    assert not (tmp_path / "nemo_experiments").exists()


def test_a_layout_of_several_ranks_is_refused(run: Run) -> None:
    overrides = f"{SIZES} model.tensor_model_parallel_size=2"
    failed = run(sys.executable, ROOT / "examples/train.py", code=1, BASCULE_OVERRIDES=overrides)
    assert "model.tensor_model_parallel_size" in failed.stderr
    assert "so far; set it to 1" in failed.stderr


def test_a_wrong_override_says_where_it_is(run: Run) -> None:
    failed = run(
        sys.executable, ROOT / "examples/train.py", code=1, BASCULE_OVERRIDES="train.train_itres=1"
    )
    assert "BASCULE_OVERRIDES: " in failed.stderr
    assert "did you mean train.train_iters?" in failed.stderr
