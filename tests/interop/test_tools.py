"""The files that tests read are what the tools that wrote them would write again."""

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["tools/fixture.py", "--check"], id="fixtures"),
        pytest.param(["tools/golden.py", "--check", "llama_tp2"], id="golden"),
        pytest.param(["tools/golden_data.py", "--check"], id="golden_data"),
    ],
)
def test_what_is_in_git_is_current(command: list[str]) -> None:
    call = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert call.returncode == 0, call.stdout + call.stderr
