"""Groups of settings under Megatron Bridge's names: made alone, and assigned as a whole."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import TYPE_CHECKING

import pytest

import bascule
from bascule import config, settings
from bascule.config import (
    CheckpointConfig,
    ConfigContainer,
    DistributedDataParallelConfig,
    DistributedInitConfig,
    GPTDatasetConfig,
    LoggerConfig,
    MockGPTDatasetConfig,
    OptimizerConfig,
    ProfilingConfig,
    RNGConfig,
    SchedulerConfig,
    TokenizerConfig,
    TrainingConfig,
    ValidationConfig,
)

if TYPE_CHECKING:
    from bascule.group import Group

GROUPS = list(settings.Settings._groups.items())


def shown(cfg: ConfigContainer, group: str) -> str:
    return repr(getattr(cfg, group))


def test_a_program_of_megatron_bridges() -> None:
    cfg = ConfigContainer(
        model=settings.ModelSettings(family="llama", num_layers=2, seq_length=64),
        train=TrainingConfig(train_iters=10, global_batch_size=4, micro_batch_size=2, eval_iters=3),
        optimizer=OptimizerConfig(optimizer="adam", lr=1e-3, min_lr=1e-4),
        scheduler=SchedulerConfig(lr_decay_style="cosine", lr_warmup_iters=2),
        dataset=GPTDatasetConfig(sequence_length=64, random_seed=7, split="9,1,0"),
        logger=LoggerConfig(log_interval=1),
        tokenizer=TokenizerConfig(tokenizer_type="NullTokenizer", vocab_size=100),
        checkpoint=CheckpointConfig(save="runs/first", save_interval=5),
        rng=RNGConfig(seed=5),
        profiling=ProfilingConfig(),
        ddp=DistributedDataParallelConfig(),
        dist=DistributedInitConfig(),
        comm_overlap=None,
        peft=None,
        mixed_precision="bf16_mixed",
    )
    assert cfg.to_yaml() == (
        "checkpoint:\n  save: runs/first\n  save_interval: 5\n"
        "dataset:\n  random_seed: 7\n  seq_length: 64\n  split: 9,1,0\n"
        "logger:\n  log_interval: 1\n"
        "mixed_precision: bf16_mixed\n"
        "model:\n  family: llama\n  num_layers: 2\n  seq_length: 64\n"
        "optimizer:\n  lr: 0.001\n  min_lr: 0.0001\n  optimizer: adam\n"
        "rng:\n  seed: 5\n"
        "scheduler:\n  lr_decay_style: cosine\n  lr_warmup_iters: 2\n"
        "tokenizer:\n  tokenizer_type: NullTokenizer\n  vocab_size: 100\n"
        "train:\n  global_batch_size: 4\n  micro_batch_size: 2\n  train_iters: 10\n"
        "validation:\n  eval_iters: 3\n"
    )
    assert cfg.train.train_iters == 10
    assert cfg.train.eval_iters == cfg.validation.eval_iters == 3
    assert isinstance(cfg.train, TrainingConfig)


def test_what_was_not_given_has_its_default() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.optimizer.clip_grad = 0.5
    cfg.train.eval_iters = 7
    cfg.optimizer = OptimizerConfig(lr=3e-4)
    assert cfg.to_yaml() == (
        "base:\n- llama32_1b\n"
        "optimizer:\n  adam_beta2: 0.999\n  clip_grad: 1.0\n  lr: 0.0003\n  min_lr: null\n"
        "  weight_decay: 0.01\n"
        "validation:\n  eval_iters: 7\n"
    )
    cfg.train = TrainingConfig(train_iters=3)  # has Megatron Bridge 0.3.1's eval_iters, too
    assert cfg.validation.eval_iters == 100
    assert cfg.train.micro_batch_size is None


def test_validation_is_not_forgotten_for_train() -> None:
    for names in (["train", "validation"], ["validation", "train"]):
        made: dict[str, Group] = {
            "train": TrainingConfig(train_iters=3),
            "validation": ValidationConfig(eval_iters=5),
        }
        cfg = ConfigContainer("llama32_1b", **{name: made[name] for name in names})
        assert cfg.validation.eval_iters == 5


@pytest.mark.parametrize(("name", "kind"), GROUPS)
def test_every_group(name: str, kind: type[Group]) -> None:
    fresh = ConfigContainer()
    assert repr(kind()) == shown(fresh, name)
    full = ConfigContainer("llama32_1b", "hardware/cpu")
    whole = copy.copy(getattr(full, name))
    setattr(full, name, kind())
    assert shown(full, name) == shown(fresh, name)
    assert shown(ConfigContainer.from_yaml(full.to_yaml()), name) == shown(fresh, name)
    setattr(fresh, name, whole)
    assert shown(fresh, name) == shown(ConfigContainer("llama32_1b", "hardware/cpu"), name)


def test_lists_and_maps() -> None:
    for name, kind, values in (
        ("dataset", GPTDatasetConfig, {"blend": [["a", "b"], [0.5, 2]]}),
        ("dataset", GPTDatasetConfig, {"blend_per_split": [["0.3", "a"], None, "b"]}),
        ("logger", LoggerConfig, {"mlflow_tags": {"a": "b"}, "comet_tags": ["x", "y"]}),
    ):
        whole, single = ConfigContainer(**{name: kind(**values)}), ConfigContainer()
        for field, value in values.items():
            setattr(getattr(single, name), field, value)
        assert whole.to_yaml() == single.to_yaml()


@pytest.mark.parametrize(
    ("kind", "values", "error", "words"),
    [
        (TrainingConfig, {"trian_iters": 1}, bascule.UserError, "did you mean train.train_iters?"),
        (TrainingConfig, {"train_iters": 0}, bascule.UserError, "accepted is an integer of at"),
        (OptimizerConfig, {"lr": "fast"}, bascule.UserError, "optimizer.lr is 'fast'"),
        (SchedulerConfig, {"lr_decay_style": "cosin"}, bascule.UserError, "accepted is one of"),
        (
            CheckpointConfig, {"fully_parallel_save": True}, bascule.UnsupportedError,
            "checkpoint.fully_parallel_save is a setting of Megatron's that does not exist here",
        ),
        (
            GPTDatasetConfig, {"num_workers": 8}, bascule.UnsupportedError,
            "by the engine itself",
        ),
        (
            DistributedDataParallelConfig, {"overlap_grad_reduce": True}, bascule.UnsupportedError,
            "ddp.overlap_grad_reduce is a setting of Megatron's",
        ),
        (
            DistributedInitConfig, {"distributed_backend": "nccl"}, bascule.UnsupportedError,
            "one device so far",
        ),
        (
            GPTDatasetConfig, {"seq_length": 3, "sequence_length": 4}, bascule.UserError,
            "dataset.seq_length is 3, and 4 by its other name",
        ),
        (MockGPTDatasetConfig, {"blend": ["a"]}, bascule.UserError, "mock data take no"),
        (ConfigContainer, {"trian": None}, bascule.UserError, "did you mean train?"),
        (ConfigContainer, {"train": None}, bascule.UserError, "train is a group of settings"),
        (ConfigContainer, {"comm_overlap": {}}, bascule.UnsupportedError, "comm_overlap is a"),
    ],
)  # fmt: skip
def test_keywords_that_are_refused(
    kind: type[Group], values: dict[str, object], error: type[bascule.Error], words: str
) -> None:
    with pytest.raises(error) as raised:
        kind(**values)
    assert words in str(raised.value)


def test_what_a_group_cannot_be_set_to() -> None:
    cfg = ConfigContainer("llama32_1b")
    for name, value, words in (
        ("train", OptimizerConfig(), "those are settings of optimizer"),
        ("trian", TrainingConfig(), "did you mean train?"),
        ("mixed_precision", TrainingConfig(), "accepted is one of bf16_mixed"),
        ("train", ConfigContainer().train, "two cannot share it; assign copy.copy(...) of it"),
        ("train", 3, "train is a group of settings"),
    ):
        with pytest.raises(bascule.UserError) as raised:
            setattr(cfg, name, value)
        assert words in str(raised.value)
    assert cfg.to_yaml() == "base:\n- llama32_1b\n"


def test_a_group_is_the_containers_once_it_is_assigned() -> None:
    train = TrainingConfig(train_iters=10)
    train.micro_batch_size = 2
    cfg = ConfigContainer("llama32_1b", train=train)
    train.train_iters = 11
    assert cfg.train.train_iters == 11
    cfg.train.micro_batch_size = 3
    assert train.micro_batch_size == 3
    other = ConfigContainer()
    with pytest.raises(bascule.UserError, match="two cannot share it"):
        other.train = train
    other.train = copy.copy(train)
    cfg.train.train_iters = 12
    assert other.train.train_iters == 11


def test_copies_are_alone() -> None:
    train = TrainingConfig(train_iters=10, eval_iters=100)
    cfg = ConfigContainer("llama32_1b")
    for made in (copy.copy(train), copy.deepcopy(train), pickle.loads(pickle.dumps(train))):
        assert type(made) is TrainingConfig
        assert repr(made) == repr(train)
        cfg.train = made
        assert "eval_iters: 100" in cfg.to_yaml()  # given, though it is the default
    assert train.train_iters == 10


def test_mock_data() -> None:
    cfg = ConfigContainer("llama32_1b")
    cfg.dataset.blend = ["a"]
    cfg.dataset = MockGPTDatasetConfig(seq_length=32, blend=None)
    assert cfg.dataset.blend is None
    assert cfg.dataset.seq_length == 32


def test_the_classes_are_those_of_the_settings() -> None:
    """There is no second list of fields."""
    kinds = {getattr(config, name) for name in config.__all__}
    assert {kind for _, kind in GROUPS} - kinds == {settings.ModelSettings}
    for kind in kinds - {kind for _, kind in GROUPS} - {ConfigContainer}:
        assert not inspect.get_annotations(kind)
