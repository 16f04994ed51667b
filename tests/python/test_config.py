"""Settings in Python: what is set is checked, kept and written as a recipe."""

from __future__ import annotations

import ast
import contextlib
import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

import bascule
from bascule import ConfigContainer, settings
from bascule.recipes import llama32_1b_pretrain_config


@contextlib.contextmanager
def refused(kind: type[bascule.Error], words: str) -> Iterator[None]:
    """The block raises an error of a kind that has the words."""
    with pytest.raises(kind) as raised:
        yield
    assert words in str(raised.value)


def test_values_are_the_recipes_until_they_are_set() -> None:
    cfg = ConfigContainer("llama32_1b")
    assert cfg.model.num_layers == 16
    assert cfg.model.seq_length == 8192
    assert cfg.optimizer.lr == 3e-4
    assert cfg.mixed_precision == "bf16_mixed"
    assert cfg.train.rampup_batch_size is None
    assert ConfigContainer().optimizer.weight_decay == 0.01
    assert ConfigContainer("llama32_1b", "hardware/cpu").model.deterministic_mode is True
    cfg.train.train_iters = 10
    cfg.mixed_precision = None
    cfg.train.rampup_batch_size = [16, 8, 3000]
    assert cfg.train.train_iters == 10
    assert cfg.mixed_precision is None
    assert cfg.copy().train.rampup_batch_size == (16, 8, 3000)


def test_only_what_is_set_is_written() -> None:
    cfg = ConfigContainer("llama32_1b")
    assert cfg.to_yaml() == "base:\n- llama32_1b\n"
    cfg.train.train_iters = 10
    cfg.mixed_precision = None
    cfg.dataset.blend = [["data/a", "data/b"], [0.5, 2]]
    assert cfg.to_yaml("cfg.yaml") == Path("cfg.yaml").read_text()
    assert cfg.to_yaml() == (
        "base:\n- llama32_1b\n"
        "dataset:\n  blend:\n  - - data/a\n    - data/b\n  - - 0.5\n    - 2.0\n"
        "mixed_precision: null\n"
        "train:\n  train_iters: 10\n"
    )
    lines = cfg.resolved().splitlines()
    assert any(line.split() == ["train_iters:", "10", "#", "python"] for line in lines)
    assert any(
        line.split()[:4] == ["lr:", "0.0003", "#", "recipes/base/pretrain.yaml:10"]
        for line in lines
    )


@pytest.mark.parametrize(
    ("group", "name", "words"),
    [
        ("optimizer", "learning_rate", 'optimizer.learning_rate" is no setting'),
        ("optimizer", "l", "did you mean optimizer.lr?"),
        ("train", "trian_iters", "did you mean train.train_iters?"),
        ("train", "lr", "did you mean optimizer.lr?"),
        ("scheduler", "max_lr", "the peak is optimizer.lr"),
        ("train", "manual_gc", "it steers Python's run time, and there is none"),
        ("model", "attention_dropout", "dropout is not built"),
    ],
)
def test_a_name_that_is_no_setting(group: str, name: str, words: str) -> None:
    cfg = ConfigContainer("llama32_1b")
    before = cfg.to_yaml()
    for use in (
        lambda: setattr(getattr(cfg, group), name, 1),
        lambda: getattr(getattr(cfg, group), name),
    ):
        with pytest.raises(bascule.Error) as raised:
            use()
        assert words in str(raised.value)
        assert isinstance(raised.value, AttributeError)
    assert not hasattr(getattr(cfg, group), name)
    assert cfg.to_yaml() == before


def test_groups_that_are_none() -> None:
    cfg = ConfigContainer("llama32_1b")
    with refused(bascule.UnsupportedError, "ddp is a setting of Megatron's"):
        _ = cfg.ddp.overlap_grad_reduce  # type: ignore[attr-defined]
    with refused(bascule.UnsupportedError, "adapters are not trained yet"):
        cfg.peft = {"dim": 8}  # type: ignore[attr-defined]
    with refused(bascule.UserError, "did you mean train?"):
        _ = cfg.trian  # type: ignore[attr-defined]
    with refused(bascule.UserError, "train is a group of settings"):
        cfg.train = cfg.train


def test_groups_that_may_be_none() -> None:
    """As in Megatron Bridge, whose programs ask whether they are."""
    cfg = ConfigContainer("llama32_1b")
    before = cfg.to_yaml()
    names = ["comm_overlap", "ft", "inprocess_restart", "nvrx_straggler", "peft", "straggler"]
    for name in [*names, "tensor_inspect"]:
        assert getattr(cfg, name) is None
        setattr(cfg, name, None)
        with refused(bascule.UnsupportedError, f"{name} is a setting of Megatron's"):
            setattr(cfg, name, {})
    cfg.ddp = None  # type: ignore[attr-defined]
    assert cfg.to_yaml() == before
    with refused(bascule.UserError, "train is a group of settings"):
        cfg.train = None  # type: ignore[assignment]
    with refused(bascule.UserError, "did you mean train?"):
        cfg.trian = None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (
            "train.train_iters",
            0,
            "train.train_iters is 0; accepted is an integer of at least 1, or null",
        ),
        ("train.train_iters", "10", "train.train_iters is '10'; accepted is"),
        ("train.train_iters", 1.5, "train.train_iters is 1.5"),
        ("train.train_iters", 1 << 70, "train.train_iters is 1180591620717411303424"),
        ("train.train_iters", True, "train.train_iters is True"),
        ("optimizer.lr", "fast", "optimizer.lr is 'fast'; accepted is a number of at least 0"),
        ("optimizer.lr", float("nan"), "optimizer.lr is nan"),
        ("train.exit_signal_handler", 1, "accepted is true or false"),
        ("scheduler.lr_decay_style", "cosin", "accepted is one of constant, linear, cosine,"),
        ("train.rampup_batch_size", [1, "8", 3], "accepted is a list, each an integer"),
        ("dataset.blend", {"a": 1}, "dataset.blend is {'a': 1}; accepted is [[path"),
        ("checkpoint.save", object, "checkpoint.save is <class 'object'>; accepted is a text"),
        ("mixed_precision", "fp8", "mixed_precision is 'fp8'; accepted is one of bf16_mixed"),
    ],
)
def test_a_value_that_is_not_accepted(path: str, value: object, words: str) -> None:
    cfg = ConfigContainer("llama32_1b")
    *groups, name = path.split(".")
    group = getattr(cfg, groups[0]) if groups else cfg
    before = getattr(group, name)
    with pytest.raises(bascule.UserError) as raised:
        setattr(group, name, value)
    assert words in str(raised.value)
    assert not isinstance(raised.value, AttributeError)
    assert getattr(group, name) == before
    assert cfg.to_yaml() == "base:\n- llama32_1b\n"


def test_values_are_taken_as_python_has_them() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.checkpoint.save = Path("runs/first")  # type: ignore[assignment]
    cfg.train.rampup_batch_size = (16, 16, 64)
    cfg.optimizer.lr = 1
    cfg.optimizer.min_lr = 1e-30
    cfg.train.train_iters = int("9" * 15)
    assert cfg.checkpoint.save == "runs/first"
    assert type(cfg.optimizer.lr) is float
    again = ConfigContainer.from_yaml(cfg.to_yaml())
    for group, name in (
        ("checkpoint", "save"),
        ("train", "rampup_batch_size"),
        ("optimizer", "min_lr"),
        ("train", "train_iters"),
    ):
        assert getattr(getattr(again, group), name) == getattr(getattr(cfg, group), name)


def test_megatrons_other_names() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.train.eval_iters = 7
    cfg.train.eval_interval = None
    cfg.dataset.sequence_length = 8192
    assert cfg.validation.eval_iters == cfg.train.eval_iters == 7
    assert cfg.validation.eval_interval is None
    assert cfg.to_yaml().splitlines()[2:] == [
        "dataset:", "  seq_length: 8192", "validation:", "  eval_interval: null", "  eval_iters: 7",
    ]  # fmt: skip
    with refused(bascule.UserError, "train.eval_iters is -1"):
        cfg.train.eval_iters = -1


def test_validate_says_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.validate()
    cfg.model.tensor_model_parallel_size = 2
    with refused(bascule.UnsupportedError, "training runs on one device so far"):
        cfg.validate()
    cfg.model.tensor_model_parallel_size = 1
    monkeypatch.setenv("BASCULE_OVERRIDES", "optimizer.lr=1e-6 train.train_iters=3")
    with refused(bascule.UserError, "optimizer.min_lr is 3e-05, above optimizer.lr"):
        cfg.validate()
    cfg.optimizer.min_lr = 0
    cfg.train.train_iters = 10
    assert "train_iters: 3 " in cfg.resolved()
    assert "# BASCULE_OVERRIDES" in cfg.resolved()
    assert cfg.train.train_iters == 10
    with refused(bascule.UserError, "train.micro_batch_size is not set"):
        ConfigContainer().validate()


# As the checks of Megatron Bridge's container, by other words; without a match: it is accepted.
DOES_NOT_FIT: list[tuple[dict[str, object], str]] = [
    ({"train.global_batch_size": 5, "train.micro_batch_size": 2}, "no multiple of"),
    ({"train.train_samples": 100, "train.train_iters": 5}, "only one may be set"),
    ({"train.train_iters": None}, "so the run has no end"),
    ({"train.train_iters": None, "train.train_samples": 9999, "scheduler.lr_warmup_iters": 0}, ""),
    ({"scheduler.lr_warmup_fraction": 0.1, "scheduler.lr_warmup_iters": 5}, "is set, too"),
    ({"scheduler.lr_decay_samples": 10}, "counted in iterations"),
    ({"dataset.seq_length": 32, "model.seq_length": 64}, "but model.seq_length is 64"),
    ({"dataset.seq_length": 64, "model.seq_length": 64}, ""),
    ({"checkpoint.ckpt_step": 5, "checkpoint.load": None}, "checkpoint.load is not set"),
    ({"checkpoint.ckpt_step": 5, "checkpoint.load": "there"}, ""),
    ({"checkpoint.async_save": True, "checkpoint.save": None}, "checkpoint.save is not set"),
    ({"profiling.profile_step_start": 9, "profiling.profile_step_end": 5}, "after profile_step"),
    ({"logger.mlflow_experiment": "x"}, "needs logger.mlflow_run_name"),
    ({"logger.mlflow_experiment": "x", "logger.mlflow_run_name": ""}, "needs logger.mlflow_run"),
    ({"logger.mlflow_experiment": "x", "logger.mlflow_run_name": "y"}, ""),
    ({"logger.wandb_project": "x", "logger.wandb_exp_name": ""}, "wandb_exp_name is empty"),
    ({"model.context_parallel_size": 2}, "one device so far"),
]


@pytest.mark.parametrize(("values", "words"), DOES_NOT_FIT)
def test_what_megatron_bridge_does_not_fit_together(values: dict[str, object], words: str) -> None:
    cfg = ConfigContainer("llama32_1b")
    for path, value in values.items():
        group, name = path.split(".")
        setattr(getattr(cfg, group), name, value)
    with refused(bascule.Error, words) if words else contextlib.nullcontext():
        cfg.validate()


def test_from_yaml(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/base.yaml").write_text("base: llama32_1b\ntrain:\n  train_iters: 3\n")
    file = tmp_path / "deep/run.yaml"
    file.write_text("base: [base.yaml, hardware/cpu]\noptimizer:\n  lr: 1.0e-4\n")
    for given in (file, str(file)):
        cfg = ConfigContainer.from_yaml(given)
        assert cfg.train.train_iters == 3
        assert cfg.to_yaml() == (
            f"base:\n- {tmp_path}/deep/base.yaml\n- hardware/cpu\noptimizer:\n  lr: 0.0001\n"
        )
        assert f"# {file}:3\n" in repr(cfg)
        cfg.validate()
    assert ConfigContainer("deep/run.yaml").optimizer.lr == 1e-4
    with refused(bascule.UserError, "the text:2: train.train_iters is -1; accepted"):
        ConfigContainer.from_yaml("train:\n  train_iters: -1\n")
    with refused(bascule.ResourceError, "nowhere.yaml"):
        ConfigContainer.from_yaml("nowhere.yaml")
    with refused(bascule.UserError, "did you mean llama32_1b"):
        ConfigContainer("llama32_1")
    with refused(bascule.FormatError, "the text"):
        ConfigContainer.from_yaml("train: [\n")


def test_what_was_resolved_is_a_recipe() -> None:
    cfg = llama32_1b_pretrain_config(seq_length=1024)
    cfg.dataset.blend = ["0.3", "a b", "0.7", "#c"]
    again = ConfigContainer.from_yaml(cfg.resolved())

    def values(text: str) -> list[str]:
        return [line.partition("  # ")[0].rstrip() for line in text.splitlines()[1:]]

    assert values(again.resolved()) == values(cfg.resolved())


def test_copies_do_not_change_with_the_original() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.train.train_iters = 10
    copies = [cfg.copy(), copy.copy(cfg), copy.deepcopy(cfg), pickle.loads(pickle.dumps(cfg))]
    assert [repr(each) for each in copies[:3]] == [repr(cfg)] * 3
    cfg.train.train_iters = 11
    for each in copies:
        assert type(each) is ConfigContainer
        assert each.train.train_iters == 10
        each.train.train_iters = 12
    assert cfg.train.train_iters == 11


def test_how_it_looks() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.optimizer.lr = 1e-3
    assert repr(cfg.rng) == "RngSettings(seed=1234)"
    assert repr(cfg.optimizer).startswith("OptimizerSettings(optimizer='adam', lr=0.001, ")
    assert "\noptimizer:\n" in repr(cfg)
    line = next(line for line in repr(cfg).splitlines() if line.startswith("  lr: "))
    assert line.split() == ["lr:", "0.001", "#", "python"]
    assert {"train", "mixed_precision", "copy"} <= set(dir(cfg))
    assert "lr" in dir(cfg.optimizer)


def test_type_checkers_know_the_keywords() -> None:
    """The comments say so to mypy, for which one that it does not need is an error."""
    assert settings.TrainSettings(train_iters=10, eval_iters=3).train_iters == 10
    with pytest.raises(bascule.UserError, match="did you mean train"):
        settings.TrainSettings(trian_iters=10)  # type: ignore[call-arg]
    with pytest.raises(bascule.UserError, match="accepted is an integer"):
        settings.TrainSettings(train_iters="ten")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="positional"):
        settings.TrainSettings(10)  # type: ignore[call-arg]


def test_what_the_classes_say_are_the_defaults() -> None:
    """Type checkers and editors read the text; at run time there is no second value."""
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    kinds = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for kind in settings.Settings._groups.values():
        made = kind()
        for node in kinds[kind.__name__].body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                assert node.value is not None
                assert getattr(made, node.target.id) == ast.literal_eval(node.value)
                assert node.target.id not in vars(kind)


def test_the_classes_have_every_setting() -> None:
    cfg = ConfigContainer()
    assert set(settings.Settings.__annotations__) >= {*cfg._groups, "mixed_precision"}
    for name, kind in cfg._groups.items():
        fields = kind.__annotations__
        for field in fields:
            getattr(getattr(cfg, name), field)
        assert set(cfg._configuration.names(name)) <= set(fields)


def test_what_is_not_there_yet() -> None:
    cfg = bascule.ConfigContainer()
    for name in ("to_dict", "print_yaml"):
        with pytest.raises(
            bascule.UnsupportedError, match=rf"{name}\(\) is not there yet; .*to_yaml"
        ):
            getattr(cfg, name)()
    context = bascule.training.CallbackContext(state=None, model=[])  # type: ignore[arg-type]
    for name in ("optimizer", "scheduler"):
        with pytest.raises(AttributeError, match=f"{name} is not there yet"):
            getattr(context, name)
