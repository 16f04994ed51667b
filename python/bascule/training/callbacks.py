"""Callbacks on the moments of a run, under Megatron Bridge's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bascule.not_yet import no_attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    from bascule.training.state import GlobalState


@dataclass
class CallbackContext:
    """What a callback gets.

    Attributes:
        state: the configuration (`state.cfg`) and the counters (`state.train_state`).
        model: the model, in a list.
        user_state: kept from one callback to the next, for whatever you like.
        loss_dict: on_train_step_end: means over the step, tensors by name; "lm loss" is the loss.
        grad_norm: on_train_step_end: of all gradients, before clipping.
        skipped_iter: on_train_step_end: gradients were not finite, and nothing was changed.
        total_loss_dict: on_eval_end and on_test_end: means over the evaluation.
        metrics: on_train_step_end, on_eval_end and on_test_end: the row of metrics.jsonl.
        checkpoint_path: on_checkpoint_save: the directory that was written.
    """

    state: GlobalState
    model: list[Any]
    user_state: dict[Any, Any] = field(default_factory=dict)
    loss_dict: dict[str, Any] | None = None
    grad_norm: float | None = None
    skipped_iter: bool | None = None
    total_loss_dict: dict[str, Any] | None = None
    metrics: dict[str, Any] | None = None
    checkpoint_path: str | None = None

    optimizer = no_attribute("CallbackContext.optimizer", "state.cfg.optimizer has its settings")
    scheduler = no_attribute("CallbackContext.scheduler", "metrics['lr'] is the learning rate")


class Callback:
    """Does nothing at any moment. Override what you want to hear of.

    What a callback raises ends the run, with its traceback.
    """

    def on_train_start(self, context: CallbackContext) -> None:
        """Before the first step."""

    def on_train_step_start(self, context: CallbackContext) -> None:
        """Before a step."""

    def on_train_step_end(self, context: CallbackContext) -> None:
        """After a step and its update."""

    def on_train_end(self, context: CallbackContext) -> None:
        """After the last step, before the last checkpoint. Not where a run fails."""

    def on_eval_start(self, context: CallbackContext) -> None:
        """Before an evaluation on validation data."""

    def on_eval_step_start(self, context: CallbackContext) -> None:
        """Before a global batch of it."""

    def on_eval_step_end(self, context: CallbackContext) -> None:
        """After a global batch of it."""

    def on_eval_end(self, context: CallbackContext) -> None:
        """After the evaluation."""

    def on_test_start(self, context: CallbackContext) -> None:
        """Before the evaluation on test data."""

    def on_test_step_start(self, context: CallbackContext) -> None:
        """Before a global batch of it."""

    def on_test_step_end(self, context: CallbackContext) -> None:
        """After a global batch of it."""

    def on_test_end(self, context: CallbackContext) -> None:
        """After the evaluation."""

    def on_checkpoint_save(self, context: CallbackContext) -> None:
        """After a checkpoint has been written and is whole."""


VALID_EVENTS = frozenset(name for name in vars(Callback) if name.startswith("on_"))


class CallbackManager:
    """Callbacks by their events, in the order in which they were added.

    Attributes:
        user_state: what every `context.user_state` is.
    """

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[CallbackContext], None]]] = {
            name: [] for name in VALID_EVENTS
        }
        self.user_state: dict[Any, Any] = {}

    @property
    def events(self) -> frozenset[str]:
        """The names of all events."""
        return VALID_EVENTS

    def add(self, callback: Callback | list[Callback]) -> None:
        """Adds the methods of callbacks that their classes override."""
        for each in callback if isinstance(callback, list) else [callback]:
            for name in VALID_EVENTS:
                method = getattr(each, name, None)
                if method is not None and getattr(type(each), name, None) is not getattr(
                    Callback, name
                ):
                    self._callbacks[name].append(method)

    def register(self, event_name: str, fn: Callable[[CallbackContext], None]) -> None:
        """Adds a function for one event.

        Raises:
            ValueError: there is no such event.
        """
        self._of(event_name).append(fn)

    def list_callbacks(self, event_name: str) -> list[Callable[[CallbackContext], None]]:
        """The functions of an event.

        Raises:
            ValueError: there is no such event.
        """
        return list(self._of(event_name))

    def has_callbacks(self, event_name: str) -> bool:
        """Whether an event has any."""
        return bool(self._callbacks.get(event_name))

    def fire(self, event_name: str, context: CallbackContext) -> None:
        """Calls the functions of an event."""
        for each in self._callbacks[event_name]:
            each(context)

    def _of(self, event_name: str) -> list[Callable[[CallbackContext], None]]:
        if event_name not in VALID_EVENTS:
            raise ValueError(f"there is no event {event_name!r}; there are {sorted(VALID_EVENTS)}")
        return self._callbacks[event_name]


def normalize_callbacks(callbacks: list[Callback] | CallbackManager | None) -> CallbackManager:
    """What `pretrain` was given, as a manager."""
    if isinstance(callbacks, CallbackManager):
        return callbacks
    manager = CallbackManager()
    manager.add(list(callbacks or []))
    return manager
