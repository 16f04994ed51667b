"""The notebooks of examples/ run as they are, and hold no outputs. Cells check what they show."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Run

NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))
PACKAGES = ROOT / "build/python/notebooks"
EXECUTE = "from nbclient.cli import main; main()"


def execute(notebook: Path, run: Run, folder: Path, code: int = 0) -> str:
    """Runs the cells in a kernel of this Python, into folder/executed; returns what was said."""
    places = {"JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython"}
    variables = {name: str(folder / "jupyter" / place) for name, place in places.items()}
    (folder / "executed").mkdir()
    done = run(
        sys.executable,
        "-c",
        EXECUTE,
        notebook,
        f"--output={folder / 'executed' / notebook.stem}",
        "--kernel_name=python3",
        code=code,
        PYTHONPATH=str(PACKAGES),
        TMPDIR=str(folder),
        **variables,
    )
    return re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)  # without colours


def code_cells(notebook: Path) -> list[dict[str, object]]:
    cells = json.loads(notebook.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_notebooks() -> None:
    assert [each.name for each in NOTEBOOKS] == ["convert.ipynb", "train.ipynb"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda each: each.stem)
def test_it_runs(notebook: Path, run: Run, tmp_path: Path) -> None:
    execute(notebook, run, tmp_path)
    executed = code_cells(tmp_path / "executed" / notebook.name)
    assert [cell["execution_count"] for cell in executed] == list(range(1, len(executed) + 1))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda each: each.stem)
def test_it_holds_no_outputs(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert cell["metadata"] == {}


def test_a_cell_that_raises_is_a_failure(run: Run, tmp_path: Path) -> None:
    book = json.loads(NOTEBOOKS[0].read_text())
    book["cells"] = [code_cells(NOTEBOOKS[0])[0] | {"source": "assert 1 == 2, 'not equal'"}]
    wrong = tmp_path / "wrong.ipynb"
    wrong.write_text(json.dumps(book))
    assert "AssertionError: not equal" in execute(wrong, run, tmp_path, code=1)
