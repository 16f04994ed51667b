"""Tests of the package with the training engine, and of Megatron Bridge's names, as installed by
`scripts/python_package.sh engine`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HF = ROOT / "tests/golden/llama/hf"
MODEL = "meta-llama/Llama-3.2-1B"
Run = Callable[..., subprocess.CompletedProcess[str]]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below that is not bascule's own, by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "bascule" not in path.relative_to(folder).parts
    }


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the Hub, links and all, with a small random model as Llama-3.2-1B."""
    cache = tmp_path_factory.mktemp("hub")
    model = cache / f"models--{MODEL.replace('/', '--')}"
    snapshot = model / "snapshots/0123456789012345678901234567890123456789"
    snapshot.mkdir(parents=True)
    (model / "blobs").mkdir()
    (model / "refs").mkdir()
    (model / "refs/main").write_text(snapshot.name)
    for number, file in enumerate(sorted(HF.iterdir())):
        shutil.copy(file, model / f"blobs/{number}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    return cache


@pytest.fixture
def run(tmp_path: Path, hub: Path) -> Run:
    """Runs words in a folder of the test, offline, without the environment of another launcher."""

    def go(*words: str | Path, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        launcher = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "PYTHONPATH"}
        kept = {name: value for name, value in os.environ.items() if name not in launcher}
        ours = {"HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [str(word) for word in words],
            cwd=tmp_path,
            env=kept | ours | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return go


def torchrun(processes: int = 1) -> list[str]:
    """The words of torchrun, by the Python that has the package."""
    return [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}"]


def unedited(name: str) -> Path:
    """One of Megatron Bridge's quick starts, where BASCULE_QUICKSTARTS names their folder."""
    folder = os.environ.get("BASCULE_QUICKSTARTS")
    if folder is None:
        pytest.skip("BASCULE_QUICKSTARTS does not name the folder of the quick starts")
    program = ROOT / folder / name
    assert program.is_file(), f"BASCULE_QUICKSTARTS: no {program}"
    return program
