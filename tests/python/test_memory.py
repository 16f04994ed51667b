"""What conversions from Python take: no more than the command line's, beside the modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

PROGRAM = """
import sys
import bascule

def now(name):
    status = open("/proc/self/status").read()
    return 1024 * int(status.split(name + ":")[1].split()[0])

options = {"memory": sys.argv[2]} if len(sys.argv) > 2 else {}
bridge = bascule.AutoBridge.from_hf_pretrained(sys.argv[1])
before = now("VmRSS")
bridge.import_ckpt(sys.argv[1], "megatron", **options)
print(now("VmHWM") - before)
bridge.export_ckpt("megatron", "exported", show_progress=False, **options)
print(now("VmHWM") - before)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 200 MB."""
    folder = tmp_path_factory.mktemp("large") / "hf"
    tool = ROOT / "tools/random_model.py"
    subprocess.run([sys.executable, tool, folder, "--size", "120m"], check=True)
    return folder


@pytest.mark.parametrize(
    ("options", "limit"), [([], 150_000_000), (["64M"], 64 * 2**20)], ids=["default", "64M"]
)
def test_files_are_converted_in_little_memory(
    options: list[str], limit: int, model: Path, tmp_path: Path
) -> None:
    assert sum(each.stat().st_size for each in model.glob("*.safetensors")) > limit
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, model, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    for used in map(int, done.stdout.split()):
        assert used < limit
