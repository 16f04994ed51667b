"""The settings under the names of Megatron Bridge's classes. What they hold, the C++ states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.container import ConfigContainer
from bascule.errors import UserError
from bascule.group import Group
from bascule.settings import CheckpointSettings as CheckpointConfig
from bascule.settings import DatasetSettings as GPTDatasetConfig
from bascule.settings import LoggerSettings as LoggerConfig
from bascule.settings import OptimizerSettings as OptimizerConfig
from bascule.settings import ProfilingSettings as ProfilingConfig
from bascule.settings import RngSettings as RNGConfig
from bascule.settings import SchedulerSettings as SchedulerConfig
from bascule.settings import TokenizerSettings as TokenizerConfig
from bascule.settings import TrainSettings as TrainingConfig
from bascule.settings import ValidationSettings as ValidationConfig

__all__ = [
    "CheckpointConfig",
    "ConfigContainer",
    "DistributedDataParallelConfig",
    "DistributedInitConfig",
    "GPTDatasetConfig",
    "LoggerConfig",
    "MockGPTDatasetConfig",
    "OptimizerConfig",
    "ProfilingConfig",
    "RNGConfig",
    "SchedulerConfig",
    "TokenizerConfig",
    "TrainingConfig",
    "ValidationConfig",
]


class MockGPTDatasetConfig(GPTDatasetConfig):
    """Mock data, which is what a dataset without a blend has; a blend is an error."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if value is not None and name in ("blend", "blend_per_split"):
                super().__setattr__(name, None)
                raise UserError(f"mock data take no dataset.{name}; GPTDatasetConfig does")


class DistributedDataParallelConfig(Group):
    """How Megatron shares gradients between ranks: each of its settings is refused so far."""

    _group = "ddp"


class DistributedInitConfig(Group):
    """How Megatron's ranks find each other: each of its settings is refused so far."""

    _group = "dist"
