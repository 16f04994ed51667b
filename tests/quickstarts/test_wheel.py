"""The wheel with the engine: what it holds, and that it works where it is put."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import bascule
from bascule import _core
from conftest import HF, ROOT, Run

PACKAGE = Path(bascule.__file__).parent
BINARY = Path(sysconfig.get_path("scripts")) / "bascule"
MODEL = f"""
import bascule
(model,) = bascule.AutoBridge.from_hf_pretrained({str(HF)!r}).to_megatron_model(wrap_with_ddp=False)
print(sum(each.numel() for each in model.parameters()), bascule.__file__)
"""


def test_it_is_the_installed_package() -> None:
    assert PACKAGE.parent == Path(sysconfig.get_path("purelib"))
    assert {"data", "train"} == set(
        importlib.metadata.metadata("bascule").get_all("Provides-Extra") or ()
    )
    wanted = importlib.metadata.requires("bascule") or []
    assert f'torch=={_core.torch_version}; extra == "train"' in wanted
    for name in ("_core.pyi", "_engine.pyi", "py.typed", "libexec/bascule-engine"):
        assert (PACKAGE / name).is_file(), name


def test_importing_it_does_not_import_torch(run: Run) -> None:
    run(sys.executable, "-c", "import sys, bascule; assert 'torch' not in sys.modules")


def test_the_stub_has_the_names_of_the_extension() -> None:
    from bascule.extension import engine

    tree = ast.parse((PACKAGE / "_engine.pyi").read_text())
    stub = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert stub == {name for name in vars(engine()) if not name.startswith("_")}


def test_no_folder_of_the_build_is_searched_for_libraries() -> None:
    for program in (*PACKAGE.glob("*.so"), PACKAGE / "libexec/bascule-engine"):
        dynamic = subprocess.run(
            ["readelf", "--dynamic", program], capture_output=True, text=True, check=True
        ).stdout
        assert "NEEDED" in dynamic
        assert "PATH)" not in dynamic, f"{program}: {dynamic}"


def test_models_and_training_where_the_environment_was_moved(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(sys.prefix, moved, symlinks=True)
    said = run(moved / "bin/python", "-c", MODEL).stdout
    count, file = said.split()
    assert int(count) > 0
    assert Path(file).is_relative_to(moved)
    words = ["train", "smollm2_135m", "model.num_layers=2", "--dry-run"]
    said = run(moved / "bin/bascule", *words).stdout
    assert "parameters, " in said
    (tmp_path / "link").symlink_to(moved / "bin/bascule-engine")
    assert run(tmp_path / "link", *words).stdout == said


def test_the_program_of_the_package_trains(run: Run, tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(
        f"""
train: {{micro_batch_size: 1, global_batch_size: 1, train_iters: 2}}
model: {{seq_length: 32}}
optimizer: {{lr: 1.0e-3, min_lr: 0}}
scheduler: {{lr_decay_style: cosine}}
validation: {{eval_iters: 0}}
dataset: {{split: "1,0,0"}}
checkpoint: {{pretrained_checkpoint: "{HF}", save: run}}
"""
    )
    run(BINARY, "train", "./toy.yaml")
    run(BINARY, "export", "run", "exported")
    assert not bascule.verify(HF, tmp_path / "exported")
    assert bascule.verify(tmp_path / "run", tmp_path / "exported")


def without_torch(folder: Path, version: str | None) -> Path:
    """A copy of the environment without .venv's path; a folder in it says that it is torch."""
    bare = folder / "bare"
    shutil.copytree(sys.prefix, bare, symlinks=True)
    packages = next((bare / "lib").iterdir()) / "site-packages"
    (packages / "torch.pth").unlink()
    if version is not None:
        (packages / "torch").mkdir()
        (packages / "torch/__init__.py").touch()
        (packages / "torch/version.py").write_text(f"__version__ = '{version}+cpu'\n")
    return bare


@pytest.mark.parametrize(
    ("engine", "version", "words"),
    [
        ("ON", None, "bare/bin/python has no torch, on which the training engine is built."),
        (
            "AUTO",
            "1.2.3",
            f"is torch 1.2.3, and the training engine stands on {_core.torch_version}",
        ),
    ],
)
def test_the_build_says_which_torch_it_wants(
    engine: str, version: str | None, words: str, run: Run, tmp_path: Path
) -> None:
    python = without_torch(tmp_path, version) / "bin/python"
    told = [f"-DPython_EXECUTABLE={python}", f"-DBASCULE_ENGINE={engine}", "-DSKBUILD=2"]
    failed = run("cmake", "-GNinja", "-S", ROOT, "-B", "build", *told, code=1).stderr
    said = " ".join(failed.split())
    assert words in said
    assert f"(pip install torch=={_core.torch_version}" in said
    assert "--config-settings=cmake.define.BASCULE_ENGINE=OFF" in said


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        (None, f"pip install torch=={_core.torch_version}"),
        ("1.2.3", f"is torch 1.2.3 in .*/torch: pip install torch=={_core.torch_version}"),
    ],
)
def test_another_torch_or_none(torch: str | None, words: str, run: Run, tmp_path: Path) -> None:
    bare = without_torch(tmp_path, torch)
    failed = run(bare / "bin/python", "-c", MODEL, code=1).stderr
    assert "bascule.UnsupportedError: models in memory and training stand on" in failed
    assert re.search(words, failed)
    failed = run(bare / "bin/bascule", "train", "llama32_1b", code=5).stderr
    assert failed.startswith("bascule: error: models in memory and training stand on")
    assert run(bare / "bin/bascule", "inspect", HF).stdout
