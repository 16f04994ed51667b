"""The quick start of conversion: Megatron Bridge's, unedited, and bascule's own words."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import bascule
from conftest import HF, ROOT, Run, contents, torchrun, unedited

EXPORT = "hf_exports/llama32_1b"


def check(folder: Path, said: str) -> None:
    """The export is the model of the cache, byte for byte, and every tensor was shown."""
    assert bascule.verify(HF, folder)
    assert contents(folder) == contents(HF)
    shown = dict(re.findall(r"^(\S+) \(([\d, ]+)\)$", said, re.MULTILINE))
    stored = {each.name: each.shape for each in bascule.inspect(HF).tensors}
    assert {name: tuple(map(int, re.findall(r"\d+", shape))) for name, shape in shown.items()} == {
        name: tuple(shape) for name, shape in stored.items()
    }


def test_the_unedited_program(run: Run, tmp_path: Path) -> None:
    done = run(sys.executable, unedited("convert.py"))
    check(tmp_path / EXPORT, done.stdout)


def test_the_example(run: Run, tmp_path: Path) -> None:
    done = run(sys.executable, ROOT / "examples/convert.py")
    check(tmp_path / "exported/llama32_1b", done.stdout)


@pytest.mark.parametrize("program", ["convert.py"])
def test_two_ranks_are_refused(program: str, run: Run, tmp_path: Path) -> None:
    failed = run(*torchrun(2), ROOT / "examples" / program, code=1).stderr
    assert "WORLD_SIZE is 2: runs of several ranks are not supported yet" in failed
    assert "torchrun --nproc-per-node=1" in failed
    assert not list(tmp_path.iterdir())
