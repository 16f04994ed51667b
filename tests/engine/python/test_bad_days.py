"""What a run says when its disk or its data fail, and that nothing is lost then."""

import os
import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from conftest import HF, ROOT, one_thread

VOCABULARY = 259
STEPS_YAML = ROOT / "tests/engine/steps.yaml"
FILES = ["__0_0.distcp", "__0_1.distcp", ".metadata", "common.pt", "train_state.pt"]
Train = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def train(engine: Path, tmp_path: Path) -> Train:
    def run(save: Path, *settings: object, code: int = 0) -> subprocess.CompletedProcess:
        command = [
            engine / "bascule-engine", "train", STEPS_YAML, "train.train_iters=4",
            f"checkpoint.pretrained_checkpoint={HF}", f"checkpoint.save={save}",
            f"checkpoint.load={save}", "validation.eval_iters=0", *settings,
        ]  # fmt: skip
        call = subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, timeout=300, env=one_thread(), cwd=tmp_path,
        )  # fmt: skip
        assert call.returncode == code, call.stderr
        return call

    return run


def expect_error(call: subprocess.CompletedProcess, *words: object) -> None:
    errors = [line for line in call.stderr.splitlines() if "error" in line.lower()]
    assert len(errors) == 1, call.stderr
    for word in words:
        assert str(word) in errors[0]


def files(root: Path, step: int) -> dict[str, bytes]:
    return {name: (root / f"iter_{step:07}" / name).read_bytes() for name in FILES}


def as_root(*words: object) -> list[str]:
    """CI is root, and a developer has `sudo`."""
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return [*prefix, *map(str, words)]


def mount(*words: object) -> None:
    subprocess.run(as_root(*words), check=True)


@contextmanager
def small_disk(folder: Path, megabytes: int = 64) -> Iterator[Path]:
    folder.mkdir()
    mount("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=777", "bascule", folder)
    try:
        yield folder
    finally:
        mount("umount", "-l", folder)


def fill(disk: Path, left: int) -> Path:
    """Another program takes all but `left` bytes."""
    free = os.statvfs(disk)
    with open(disk / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - left)
    return disk / "filler"


BESIDE = ["checkpoint.async_save=true", "checkpoint.save_interval=1"]
WITH_HF = ["checkpoint.also_save_hf_checkpoint=true"]


@pytest.mark.parametrize(
    "share, more, settings",
    [(0.5, 0, []), (1, 8192, []), (0.5, 0, BESIDE), (1, 8192, BESIDE), (1.1, 0, WITH_HF + BESIDE)],
)
def test_full_disk(
    share: float, more: int, settings: list[str], train: Train, engine: Path, tmp_path: Path
) -> None:
    """Half of what the tensors need, and just what they need: the small files come after them."""
    train(tmp_path / "straight")
    with small_disk(tmp_path / "disk") as disk:
        root = disk / "run"
        train(root, "train.exit_interval=2")
        before = files(root, 2)
        tensors = sum(path.stat().st_size for path in root.glob("iter_*/*.distcp"))
        filler = fill(disk, int(tensors * share) + more)
        metrics = f"logger.metrics_path={tmp_path / 'metrics.jsonl'}"
        expect_error(train(root, metrics, *settings, code=6), disk, "space")
        assert not [path for path in root.glob(".iter_*") if path.is_dir()]  # it took space
        assert [path.name for path in root.glob("iter_*")] == ["iter_0000002"]
        assert files(root, 2) == before
        assert (root / "latest_checkpointed_iteration.txt").read_text() == "2"
        command = [engine / "bascule", "verify", root / "iter_0000002"]
        assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0
        filler.unlink()
        assert "at step 2" in train(root).stdout
        assert files(root, 4) == files(tmp_path / "straight", 4)
        assert not list(root.glob(".*partial*"))


def test_read_only_target_is_said_before_training(train: Train, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        root = disk / "run"
        train(root, "train.exit_interval=2")
        before = files(root, 2)
        mount("mount", "-o", "remount,ro", disk)
        metrics = f"logger.metrics_path={tmp_path / 'metrics.jsonl'}"
        call = train(root, metrics, code=6)
        expect_error(call, root)
        assert "iteration" not in call.stdout
        assert files(root, 2) == before
        mount("mount", "-o", "remount,rw", disk)
        assert "at step 2" in train(root).stdout


def write_dataset(prefix: Path, tokens: np.ndarray) -> Path:
    """One document of uint16, as .bin and .idx."""
    prefix.with_suffix(".bin").write_bytes(tokens.astype("<u2").tobytes())
    head = struct.pack("<9sQBQQ", b"MMIDIDX\0\0", 1, 8, 1, 2)
    body = struct.pack("<iqqq", len(tokens), 0, 0, 1)
    prefix.with_suffix(".idx").write_bytes(head + body)
    return prefix


def test_short_bin(train: Train, tmp_path: Path) -> None:
    tokens = np.arange(6000) % VOCABULARY
    blend = f"dataset.blend={write_dataset(tmp_path / 'data', tokens)}"
    root = tmp_path / "run"
    train(root, blend, "train.exit_interval=2")
    before = files(root, 2)
    whole = (tmp_path / "data.bin").read_bytes()
    (tmp_path / "data.bin").write_bytes(whole[:-2])
    expect_error(train(root, blend, code=3), tmp_path / "data.bin", len(whole) - 2, len(whole))
    assert files(root, 2) == before
    (tmp_path / "data.bin").write_bytes(whole)
    assert "at step 2" in train(root, blend).stdout


def test_absent_data(train: Train, tmp_path: Path) -> None:
    call = train(tmp_path / "run", "dataset.blend=nowhere/web", code=6)
    expect_error(call, "nowhere/web.idx of dataset.blend does not exist", "bascule data tokenize")
    here = write_dataset(tmp_path / "data", np.arange(6000) % VOCABULARY)
    (tmp_path / "data.bin").unlink()
    split = [f"dataset.blend_per_split=[{here},null,null]", "dataset.split=null"]
    expect_error(
        train(tmp_path / "run", *split, code=6),
        f"{here}.bin of dataset.blend_per_split does not exist",
    )


def test_short_index(train: Train, tmp_path: Path) -> None:
    """A cached index that was cut off."""
    cache, root = tmp_path / "cache", tmp_path / "run"
    blend = f"dataset.blend={write_dataset(tmp_path / 'data', np.arange(6000) % VOCABULARY)}"
    settings = [blend, f"dataset.path_to_cache={cache}"]
    train(tmp_path / "straight", *settings)
    index = next(cache.glob("*train*sample_index.npy"))
    index.write_bytes(index.read_bytes()[:-4])
    expect_error(train(root, *settings, code=3), index, "remove it, and it is made again")
    index.unlink()
    train(root, *settings)


def test_token_beyond_the_vocabulary(train: Train, tmp_path: Path) -> None:
    """It is found when its sample is read; what was saved before stays."""
    tokens = np.arange(6000) % VOCABULARY
    blend = f"dataset.blend={write_dataset(tmp_path / 'data', tokens)}"
    root = tmp_path / "run"
    train(tmp_path / "straight", blend)
    train(root, blend, "train.exit_interval=2")
    before = files(root, 2)
    write_dataset(tmp_path / "data", tokens + 1000)
    call = train(root, blend, code=3)
    expect_error(call, tmp_path / "data.bin", "beyond the vocabulary", VOCABULARY)
    assert files(root, 2) == before
    write_dataset(tmp_path / "data", tokens)
    assert "at step 2" in train(root, blend).stdout
    assert files(root, 4) == files(tmp_path / "straight", 4)


@pytest.mark.parametrize("setting", ["logger.tensorboard_dir", "logger.metrics_path"])
def test_folder_that_cannot_be_made(setting: str, train: Train, tmp_path: Path) -> None:
    """One below a file, which nobody can make; it is said before training."""
    (tmp_path / "file").write_text("in the way")
    call = train(tmp_path / "run", f"{setting}={tmp_path / 'file/folder/name'}", code=6)
    expect_error(call, setting, f"cannot create {tmp_path / 'file'}", "Not a directory")
    assert "iteration" not in call.stdout


def test_folder_of_checkpoints_that_cannot_be_made(train: Train, tmp_path: Path) -> None:
    """The system lets nobody make it, though root may write beside it."""
    elsewhere = f"logger.metrics_path={tmp_path / 'metrics.jsonl'}"
    call = train(Path("/proc/bascule"), elsewhere, code=6)
    expect_error(call, "checkpoint.save", "/proc")
    assert "iteration" not in call.stdout


def test_hugging_face_directory_is_no_run_to_resume(train: Train, tmp_path: Path) -> None:
    call = train(tmp_path / "run", f"checkpoint.load={HF}", code=2)
    expect_error(call, f"checkpoint.load {HF}", "checkpoint.pretrained_checkpoint")
    assert not (tmp_path / "run").exists()
    (tmp_path / "empty").mkdir()
    for begins_anew in ("empty", "absent"):
        train(tmp_path / "run", f"checkpoint.load={tmp_path / begins_anew}", "train.exit_interval=1")


def test_python_that_may_not_be_looked_at(engine: Path) -> None:
    """The build's Python lies in a folder that the user may not enter: help needs none."""
    cache = (engine / "CMakeCache.txt").read_text()
    folder = Path(re.search(r"^BASCULE_PYTHON:\w+=(.+)$", cache, re.MULTILINE)[1]).parent
    # Mounted for this process alone. Root enters every folder but by a capability, given up here.
    script = """mount -t tmpfs -o mode=0 bascule "$1" && shift && exec setpriv \
        --bounding-set=-dac_override,-dac_read_search "$@" """
    program = [engine / "bascule-engine", "train", "--help"]
    command = as_root("unshare", "-m", "sh", "-c", script, "sh", folder.resolve(), *program)
    call = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert call.returncode == 0, call.stderr
    assert "Train a model" in call.stdout


def test_folder_that_is_a_file(train: Train, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    call = train(tmp_path / "run", code=2)
    expect_error(call, tmp_path / "run")
    assert (tmp_path / "run").read_text() == "in the way"
