"""The state of a run, as forward steps and callbacks see it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from bascule._engine import Run


class TrainState:
    """The counters of a run, under the names of Megatron Bridge's. They are always current."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def step(self) -> int:
        """Steps that are done, skipped ones included."""
        return self._run.step

    @property
    def consumed_train_samples(self) -> int:
        """Sequences that were trained on."""
        return self._run.consumed_train_samples

    @property
    def consumed_valid_samples(self) -> int:
        """Sequences that were evaluated."""
        return self._run.consumed_valid_samples

    @property
    def floating_point_operations_so_far(self) -> float:
        """Of the whole run; 0 where the model is a module of your own."""
        return self._run.floating_point_operations_so_far

    @property
    def skipped(self) -> int:
        """Steps of this run whose gradients were not finite."""
        return self._run.skipped


class Untimed:
    """A timer that measures nothing: the engine times steps as a whole."""

    def start(self, barrier: bool = False) -> None:
        """Does nothing."""

    def stop(self, barrier: bool = False) -> None:
        """Does nothing."""


class Timers:
    """What forward steps of Megatron's call to time their parts. No part is timed here."""

    def __call__(self, name: str, log_level: int | None = None) -> Untimed:
        """The same for every name."""
        return Untimed()


class StragglerTimer:
    """A context for parts of a forward step. There are no other ranks to compare with."""

    def __call__(self, bdata: bool = False) -> AbstractContextManager[None]:
        """The same for the reading of a batch."""
        return nullcontext()

    def __enter__(self) -> StragglerTimer:
        return self

    def __exit__(self, *raised: object) -> None:
        return None


class GlobalState:
    """What `forward_step(state, data_iterator, model)` gets, and callbacks as `context.state`.

    Attributes:
        cfg: the configuration that `pretrain` was called with.
        train_state: the counters; they are current whenever they are read.
        timers, straggler_timer: for forward steps that were written for Megatron Bridge.
    """

    def __init__(self, cfg: Any, run: Run) -> None:
        self.cfg = cfg
        self.train_state = TrainState(run)
        self.timers = Timers()
        self.straggler_timer = StragglerTimer()
