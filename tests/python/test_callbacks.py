"""Callbacks and their manager, which pretrain() takes, without a run."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.training import Callback, CallbackContext, CallbackManager
from bascule.training.callbacks import VALID_EVENTS, normalize_callbacks

EVENTS = {
    *(f"on_{phase}_{when}" for phase in ("train", "eval", "test") for when in ("start", "end")),
    *(f"on_{each}_step_{when}" for each in ("train", "eval", "test") for when in ("start", "end")),
}


def context(manager: CallbackManager) -> CallbackContext:
    state: Any = object()
    return CallbackContext(state, [], manager.user_state)


class Heard(Callback):
    """Of two moments; it leaves the others as they are."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name, self.heard = name, heard

    def on_train_start(self, context: CallbackContext) -> None:
        self.heard.append(f"{self.name} starts")

    def on_train_end(self, context: CallbackContext) -> None:
        self.heard.append(f"{self.name} ends")


def test_the_events_are_megatron_bridges_and_saves() -> None:
    assert isinstance(VALID_EVENTS, frozenset)
    assert VALID_EVENTS == CallbackManager().events == EVENTS | {"on_checkpoint_save"}
    nothing = context(CallbackManager())
    for name in VALID_EVENTS:
        assert getattr(Callback(), name)(nothing) is None


def test_a_context_has_what_its_moment_has() -> None:
    made = context(CallbackManager())
    assert made.user_state == {}
    for name in ("loss_dict", "grad_norm", "skipped_iter", "total_loss_dict", "checkpoint_path"):
        assert getattr(made, name) is None


def test_they_are_called_in_the_order_in_which_they_came() -> None:
    heard: list[str] = []
    manager = CallbackManager()
    manager.add(Heard("first", heard))
    manager.register("on_train_start", lambda context: heard.append("a function"))
    manager.add([Heard("second", heard), Heard("third", heard)])
    assert manager.has_callbacks("on_train_end")
    assert not manager.has_callbacks("on_eval_end")
    assert not manager.has_callbacks("on_lunch")
    manager.fire("on_eval_end", context(manager))
    assert heard == []
    manager.fire("on_train_start", context(manager))
    assert heard == ["first starts", "a function", "second starts", "third starts"]
    listed = manager.list_callbacks("on_train_end")
    assert len(listed) == 3
    listed.clear()
    assert len(manager.list_callbacks("on_train_end")) == 3
    manager.add(Callback())
    assert not any(manager.list_callbacks(name) for name in VALID_EVENTS - {*Heard.__dict__})


def test_an_event_that_is_none() -> None:
    manager = CallbackManager()
    with pytest.raises(ValueError, match="no event 'on_lunch'; there are"):
        manager.register("on_lunch", print)
    with pytest.raises(ValueError, match="no event 'on_lunch'; there are"):
        manager.list_callbacks("on_lunch")


def test_what_one_raises_is_not_passed_over() -> None:
    heard: list[str] = []
    manager = CallbackManager()
    manager.register("on_train_start", lambda context: heard.append("before"))
    manager.register("on_train_start", lambda context: heard.append(str(1 / 0)))
    manager.register("on_train_start", lambda context: heard.append("after"))
    with pytest.raises(ZeroDivisionError):
        manager.fire("on_train_start", context(manager))
    assert heard == ["before"]


def test_user_state_is_kept_from_one_to_the_next() -> None:
    manager = CallbackManager()
    manager.register("on_train_start", lambda context: context.user_state.update(seen=1))
    manager.register("on_train_end", lambda context: context.user_state.update(ended=True))
    for name in ("on_train_start", "on_train_end"):
        manager.fire(name, context(manager))
    assert manager.user_state == {"seen": 1, "ended": True}


def test_what_pretrain_takes() -> None:
    manager = CallbackManager()
    assert normalize_callbacks(manager) is manager
    assert (
        len(normalize_callbacks([Heard("a", []), Heard("b", [])]).list_callbacks("on_train_end"))
        == 2
    )
    for none in (normalize_callbacks(None), normalize_callbacks([])):
        assert not any(map(none.has_callbacks, VALID_EVENTS))
