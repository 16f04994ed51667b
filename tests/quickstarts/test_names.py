"""Megatron Bridge's names: those that bascule has are its own, others say that they are not yet."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import bascule
from conftest import ROOT, Run
from megatron.bridge import _decisions, _names

COMPAT = ROOT / "python/compat"


def imported(module: str, name: str) -> object:
    names: dict[str, object] = {}
    exec(f"from {module} import {name}", names)
    return names[name]


def imported_or_said(module: str, name: str) -> object:
    try:
        return imported(module, name)
    except ImportError as error:
        return str(error)


def test_every_name_of_the_real_package_is_there_or_says_why_not() -> None:
    names = [(module, name) for module, names in _names.REAL.items() for name in names]
    assert len(names) > 2000
    for module, name in names:
        found = imported_or_said(module, name)
        if isinstance(found, str):
            assert found == "0.3.1" or re.search(f"is not yet in bascule.*; {_names.PAGE}$", found)
        else:
            owner = getattr(found, "__module__", "bascule")  # a constant has none
            assert owner.partition(".")[0] == "bascule", (module, name)


@pytest.mark.parametrize(("row", "source"), _decisions.HERE.items())
def test_no_row_of_what_is_there_is_idle(row: str, source: str) -> None:
    importlib.import_module(source)
    module = f"megatron.bridge.{row}"
    inside = [each for each in _names.REAL if f"{each}.".startswith(f"{module}.")]
    assert any(_names.available(each) for each in inside)


def test_no_row_of_what_is_not_yet_there_is_idle() -> None:
    """Every reason is said of a name that is not there."""
    said = [
        _names.why(module, name)
        for module, names in _names.REAL.items()
        for name in names.keys() - _names.available(module)
    ]
    for reason in {*_decisions.NOT_YET.values(), *_decisions.ENDINGS.values()}:
        assert any(reason in each for each in said), reason
    for row in _decisions.NOT_YET:
        assert not row or f"megatron.bridge.{row}" in _names.REAL, row


def test_they_are_bascules_own() -> None:
    from megatron.bridge.models.conversion.auto_bridge import AutoBridge

    import megatron.bridge

    assert AutoBridge is megatron.bridge.AutoBridge is bascule.AutoBridge
    assert megatron.bridge.__version__ == "0.3.1"
    assert megatron.bridge.__all__ == ["AutoBridge", "__version__"]


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        ("megatron.bridge.training.train", "train", "train is not yet in bascule (a part of the"),
        ("megatron.bridge.peft.lora", "LoRA", "megatron.bridge.peft is not yet in bascule"),
        ("megatron.bridge.models", "GPTModelProvider", "GPTModelProvider is not yet in bascule"),
        ("megatron.bridge.recipes.llama", "llama32_1b_peft_config", "adapters are not there yet"),
        ("megatron.bridge", "AutoBrige", "did you mean AutoBridge?"),
        ("megatron.bridge.nothing", "some", "nothing is neither in Megatron Bridge 0.3.1 nor in"),
    ],
)
def test_messages(module: str, name: str, words: str) -> None:
    with pytest.raises(ImportError, match=re.escape(words)):
        imported(module, name)


def test_the_classes_of_the_groups() -> None:
    import megatron.bridge.training.config as module
    from megatron.bridge.training.config import (
        CheckpointConfig,
        ConfigContainer,
        DistributedDataParallelConfig,
        LoggerConfig,
        MockGPTDatasetConfig,
        OptimizerConfig,
        RNGConfig,
        SchedulerConfig,
        TrainingConfig,
    )
    from megatron.bridge.training.tokenizers.config import TokenizerConfig

    assert module.TokenizerConfig is TokenizerConfig is bascule.config.TokenizerConfig
    cfg = ConfigContainer(
        train=TrainingConfig(train_iters=10, micro_batch_size=1, eval_iters=2),
        optimizer=OptimizerConfig(lr=1e-3),
        scheduler=SchedulerConfig(lr_decay_style="cosine"),
        dataset=MockGPTDatasetConfig(seq_length=32),
        logger=LoggerConfig(log_interval=1),
        tokenizer=TokenizerConfig(tokenizer_type="NullTokenizer", vocab_size=100),
        checkpoint=CheckpointConfig(save="here"),
        rng=RNGConfig(seed=1),
        ddp=DistributedDataParallelConfig(),
        mixed_precision="bf16_mixed",
    )
    assert isinstance(cfg, bascule.ConfigContainer)
    assert (cfg.train.train_iters, cfg.validation.eval_iters) == (10, 2)
    with pytest.raises(bascule.UnsupportedError, match="training runs on one device so far"):
        DistributedDataParallelConfig(use_distributed_optimizer=True)


def test_a_class_that_only_bascule_has() -> None:
    words = "ValidationConfig is not in Megatron Bridge 0.3.1; bascule.config.ValidationConfig is"
    with pytest.raises(ImportError, match=re.escape(words)):
        imported("megatron.bridge.training.config", "ValidationConfig")


def test_the_bridge_has_what_the_real_one_has() -> None:
    """Every method with its arguments, in their order; what is not there yet says so."""
    path = ROOT / ".peers/megatron/megatron/bridge/models/conversion/auto_bridge.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    real = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == "AutoBridge")
    methods = [n for n in real.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_"]
    assert len(methods) > 15
    for method in methods:
        ours = inspect.getattr_static(bascule.AutoBridge, method.name)
        if isinstance(ours, property):
            assert ours.__doc__ == "Not there yet."
            continue
        function = getattr(bascule.AutoBridge, method.name)
        if (inspect.getdoc(function) or "").startswith("Not there yet."):
            with pytest.raises(bascule.UnsupportedError, match="is not there yet; "):
                function("any")
            continue
        names = list(inspect.signature(function).parameters)
        theirs = [each.arg for each in method.args.args if each.arg not in ("self", "cls")]
        names = names[names[:1] == ["self"] :]
        assert names[: len(theirs)] == theirs, method.name


def test_classes_of_groups_that_are_not_there() -> None:
    for name in ("FinetuningDatasetConfig", "GPTFIMDatasetConfig", "RerunStateMachineConfig"):
        with pytest.raises(ImportError, match=f"{name} is not yet in bascule"):
            imported("megatron.bridge.training.config", name)


def test_fine_tuning_is_there_by_name_only() -> None:
    from megatron.bridge.training.finetune import finetune

    with pytest.raises(bascule.UnsupportedError, match=r"finetune\(\) is not there yet"):
        finetune(None, None)


def test_attributes_that_are_not_there_are_attribute_errors() -> None:
    models = importlib.import_module("megatron.bridge.models")
    assert not hasattr(models, "GPTModelProvider")
    with pytest.raises(AttributeError, match=r"GPTModelProvider is not yet in bascule"):
        _ = models.GPTModelProvider


def test_megatron_core_may_be_beside_it(run: Run, tmp_path: Path) -> None:
    """As pip installs it: `megatron` has no __init__.py, so that several folders make it up."""
    core = tmp_path / "elsewhere/megatron/core"
    core.mkdir(parents=True)
    (core / "__init__.py").write_text("here = 1\n")
    code = "import megatron.core, megatron.bridge as it; assert megatron.core.here; it.AutoBridge"
    for first in ("megatron.core", "megatron.bridge"):
        path = str(tmp_path / "elsewhere")
        run(sys.executable, "-c", f"import {first}; {code}", PYTHONPATH=path)


def stand_in(folder: Path) -> Path:
    """What tells that the real package is installed in a folder."""
    info = folder / "megatron_bridge-0.3.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: megatron-bridge\nVersion: 0.3.1\n")
    return info


def test_it_is_not_imported_beside_the_real_package(run: Run, tmp_path: Path) -> None:
    stand_in(tmp_path / "real")
    failed = run(
        sys.executable, "-c", "import megatron.bridge", code=1, PYTHONPATH=str(tmp_path / "real")
    )
    assert "megatron-bridge 0.3.1 and bascule-megatron-bridge are both installed" in failed.stderr


def test_it_is_not_built_beside_the_real_package(run: Run, tmp_path: Path) -> None:
    """With pip's hook, as `pip install ./python/compat` calls it, in an environment that has it."""
    bare = tmp_path / "bare"
    run(sys.executable, "-m", "venv", "--without-pip", bare)
    python = bare / "bin/python"
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout
    tools = sysconfig.get_path("purelib", vars={"base": str(ROOT / "build/python/tools")})
    code = f"import os; os.chdir({str(COMPAT)!r}); import backend; "
    code += f"print(backend.build_wheel({str(tmp_path)!r}))"
    path = f"{COMPAT}:{tools}"
    assert run(python, "-c", code, PYTHONPATH=path).stdout.endswith("py3-none-any.whl\n")
    info = stand_in(Path(purelib.strip()))
    failed = run(python, "-c", code, code=1, PYTHONPATH=path).stderr
    assert f"megatron-bridge 0.3.1 is installed in {info.parent}" in failed
    assert "pip uninstall megatron-bridge" in failed


@pytest.mark.parametrize("tool", ["megatron_names.py", "migration_tables.py"])
def test_what_tools_make_is_fresh(tool: str) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / tool, "--check"], check=True)


def test_the_names_were_read() -> None:
    names = json.loads((COMPAT / "megatron/bridge/names.json").read_text())
    assert names["megatron.bridge.training.pretrain"]["defines"] == "pretrain"
