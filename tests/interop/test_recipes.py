"""What tests/python compares the recipes' functions with is what Megatron Bridge's own set."""

import subprocess
import sys

from conftest import ROOT


def test_the_golden_recipes_are_bridges() -> None:
    tool = ROOT / "tools/golden_recipes.py"
    call = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert call.returncode == 0, call.stdout + call.stderr
