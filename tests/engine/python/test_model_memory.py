"""What a model in memory takes: little beside its weights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, one_thread

PROGRAM = """
import sys, torch, bascule
from bascule.extension import engine
engine()

def now(name):
    status = open("/proc/self/status").read()
    return 1024 * int(status.split(name + ":")[1].split()[0])

torch.ones(8, 8) @ torch.ones(8, 8)
before = now("VmRSS")
bridge = bascule.AutoBridge.from_hf_pretrained(sys.argv[1])
model = bridge.to_megatron_provider().provide_distributed_model(wrap_with_ddp=False)
weights = sum(each.nbytes for each in model[0].parameters())
made = now("VmHWM") - before
largest = max(weight.nbytes for _, weight in bridge.export_hf_weights(model, cpu=True))
bridge.save_hf_pretrained(model, "exported", show_progress=False)
print(weights, largest, made, now("VmHWM") - before)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "hf"
    tool = ROOT / "tools/random_model.py"
    subprocess.run([sys.executable, tool, folder, "--size", "220m"], check=True, timeout=120)
    return folder


def test_a_model_takes_its_weights_and_a_tenth_more(
    engine: Path, model: Path, tmp_path: Path
) -> None:
    """From the files to a model, to every tensor by itself, and to a directory that was verified."""
    env = os.environ | one_thread() | {"PYTHONPATH": str(engine / "python")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, model], cwd=tmp_path, env=env, timeout=300,
        capture_output=True, text=True, check=True,
    )
    weights, largest, made, peak = map(int, done.stdout.split())
    assert weights > 400_000_000
    assert largest < weights / 5
    assert made <= 1.1 * weights, (made / weights, peak / weights)
    assert peak <= 1.1 * weights + largest, (made / weights, peak / weights)
