"""Tests of the installed Python package; scripts/python_package.sh makes their environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

import bascule

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
BINARY = Path(sysconfig.get_path("scripts")) / "bascule"
sys.path.append(str(ROOT / "tests" / "cli"))

import world  # noqa: E402

MODELS = sorted(
    folder.name
    for folder in GOLDEN.iterdir()
    if (folder / "hf").is_dir()
    and folder.name.removesuffix("_tied").removesuffix("_tp2")
    in {family.name for family in bascule.models() if family.supported}
)


def command_line(*words: str | os.PathLike[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the program that came with the package."""
    return subprocess.run(
        [BINARY, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pytest_configure(config: pytest.Config) -> None:
    """Tests that are about warnings look at them."""
    config.addinivalue_line("filterwarnings", "ignore::bascule.ConversionWarning")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A Hugging Face directory that a test may change."""
    return Path(shutil.copytree(GOLDEN / "llama" / "hf", tmp_path / "toy"))


@pytest.fixture
def large(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a model with a vocabulary of so many rows, which takes a while to convert."""

    def make(rows: int) -> Path:
        model = shutil.copytree(GOLDEN / "llama" / "hf", tmp_path / "large")
        world.grow_vocabulary(Path(model), rows)
        return Path(model)

    return make
