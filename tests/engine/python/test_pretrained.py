"""Every family trains from each form of its model, and exports."""

import subprocess
from pathlib import Path

import pytest
from oracle import checkpoints

from conftest import ROOT, one_thread

GOLDEN = ROOT / "tests/golden"
STEPS_YAML = ROOT / "tests/engine/steps.yaml"
FAMILIES = [
    "gemma", "gemma2", "gemma3", "llama", "mistral", "olmoe", "qwen2", "qwen3", "qwen3_moe",
]  # fmt: skip
# Bridge balances experts with constants of its own: without a say, two forms train differently.
BALANCE = ["model.moe_aux_loss_coeff=0.001", "model.moe_router_load_balancing_type=aux_loss"]


def run(command: list) -> str:
    call = subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, timeout=300, env=one_thread(), cwd=ROOT,
    )  # fmt: skip
    assert call.returncode == 0, call.stderr
    return call.stdout


@pytest.mark.parametrize("family", FAMILIES)
def test_trains_from_every_form(family: str, engine: Path, tmp_path: Path) -> None:
    root = GOLDEN / family / "megatron"
    forms = {
        "hf": GOLDEN / family / "hf",
        "root": root,
        "iteration": checkpoints.iteration(root),
    }
    trained = {}
    for name, form in forms.items():
        said = run(
            [
                engine / "bascule-engine", "train", STEPS_YAML, "train.train_iters=1",
                "scheduler.lr_warmup_iters=0", "validation.eval_iters=0",
                f"checkpoint.pretrained_checkpoint={form}", f"checkpoint.save={tmp_path / name}",
                *(BALANCE if family in ("olmoe", "qwen3_moe") else []),
            ]
        )  # fmt: skip
        assert f"weights from {form}" in said
        exported = tmp_path / f"{name}_exported"
        run([engine / "bascule", "export", tmp_path / name, exported])
        run([engine / "bascule", "verify", tmp_path / name, exported])
        trained[name] = checkpoints.hugging_face(exported)
    before = checkpoints.hugging_face(forms["hf"])
    assert set(trained["hf"]) == set(before)
    for key, row in trained["hf"].items():
        assert row["shape"] == before[key]["shape"] and row["sha256"] != before[key]["sha256"], key
    for name in ("root", "iteration"):
        assert checkpoints.differences(trained["hf"], trained[name]) == [], name
