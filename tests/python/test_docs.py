"""What the documents show runs as it is written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import bascule
import readme
import world
from conftest import BINARY, ROOT


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_programs_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.make(tmp_path, BINARY)
    shutil.rmtree(tmp_path / "checkpoints" / "llama")
    programs = blocks((ROOT / "docs" / "python.md").read_text(), "python")
    assert len(programs) == 4
    names: dict[str, object] = {}
    for program in programs:
        exec(program, names)
    assert "writing: 0%\n" in capsys.readouterr().out
    assert bascule.verify("exported/llama")


def test_the_lines_of_the_readme(tmp_path: Path) -> None:
    """Word for word, from behind `pip install .`: these tests run where that has been done."""
    lines = readme.prepare("Python", tmp_path)
    path = f"{BINARY.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", lines], env=os.environ | {"PATH": path}, check=True)
    assert bascule.verify("HF_DIR", "CKPT_DIR")
