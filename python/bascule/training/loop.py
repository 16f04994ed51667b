"""What the engine's loop calls of Python's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bascule.errors import UserError
from bascule.training import gpt_step
from bascule.training.callbacks import CallbackContext
from bascule.training.data import engine_rows
from bascule.training.forward import measured, with_state
from bascule.training.random_states import current, restore
from bascule.training.services import Services
from bascule.training.state import GlobalState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from bascule._engine import Run
    from bascule.training.callbacks import CallbackManager
    from bascule.training.data import Datasets
    from bascule.training.forward import Reported
    from bascule.training.own_module import OwnModule
    from bascule.training.random_states import States

    Rows = tuple[Tensor, Tensor, Tensor, Tensor]
    # Of which data ("train"), its first sample, its sequences, and how many such there are.
    Place = tuple[str, int, int, int]


class MicroBatches:
    """The `data_iterator` of a forward step: it gives the one micro-batch that is due."""

    def __init__(self) -> None:
        self._take: Callable[[], Any] | None = None

    def due(self, take: Callable[[], Any] | None) -> None:
        """`take` gives the next micro-batch; None: there is none."""
        self._take = take

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._take is None:
            raise UserError(
                "a forward_step takes one micro-batch at a time: next(data_iterator) was called "
                "once more, or outside of it"
            )
        take, self._take = self._take, None
        return take()


@dataclass(frozen=True)
class Parts:
    """What of a run is the user's own.

    Attributes:
        cfg: the configuration.
        forward_step: the stock one, or another.
        callbacks: by their events.
        module: trained in place of the configuration's model.
        datasets: read in place of the configuration's.
        save_on_error: save what no checkpoint has when the user's code raises.
    """

    cfg: Any
    forward_step: Callable[..., Any]
    callbacks: CallbackManager
    module: OwnModule | None
    datasets: Datasets | None
    save_on_error: bool


class Loop:
    """The hooks of one run, those that are None left out: see engine/train/hooks.h."""

    has: Callable[[str], bool] | None = None
    read: Callable[[Place], tuple[Tensor, Tensor, Tensor, Tensor | None]] | None = None
    compute: Callable[[Place, Callable[[], Rows]], tuple[float, float, Reported]] | None = None
    random: Callable[[States], States] | None = None
    log: Callable[[int, dict[str, float]], None] | None = None

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._iterator = MicroBatches()
        self._model: Any = None
        self._services: Services | None = None
        self.module = parts.module
        self.save_on_error = parts.save_on_error
        if parts.datasets is not None:
            self.has = parts.datasets.has
            self.read = self._read
        if parts.module is not None or parts.forward_step is not gpt_step.forward_step:
            self.compute = self._compute
            self.random = current

    def settled(self, settings: str) -> None:
        """The settings are resolved: JSON of their paths and values."""
        resolved = json.loads(settings)
        if self._parts.datasets is not None:
            self._parts.datasets.seed(resolved["rng.seed"])
        self._services = Services(resolved)
        if self._services:
            self.log = self._services.log

    def ended(self, failed: bool) -> None:
        """The run has ended, or failed."""
        if self._parts.datasets is not None:
            self._parts.datasets.close()
        if self._services is not None:
            self._services.finish(failed)

    def begun(self, run: Run) -> None:
        """The run is in memory."""
        self._run = run
        self._state = GlobalState(self._parts.cfg, run)
        self._forward = with_state(self._parts.forward_step, self._state)
        if self.module is not None:
            self.module.begin(run)
            self._model = self.module.module
        if self.compute is not None:
            restore(run.random)

    @property
    def model(self) -> Any:
        """The model of the run, made when it is first asked for."""
        if self._model is None:
            from bascule.gpt_model import GPTModel

            self._model = GPTModel(self._run.model())
        return self._model

    def tell(self, name: str, row: str, path: str) -> None:
        """A moment of the run."""
        if self.module is not None and name in ("on_eval_end", "on_test_end"):
            self.module.train(True)
        callbacks = self._parts.callbacks
        if not callbacks.has_callbacks(name):
            return
        context = CallbackContext(self._state, [self.model], callbacks.user_state)
        context.checkpoint_path = path or None
        if row:
            context.metrics = json.loads(row)
            _fill(context, context.metrics)
        callbacks.fire(name, context)

    def _read(self, place: Place) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        return engine_rows(self._own_batch(place))

    def _own_batch(self, place: Place) -> Any:
        assert self._parts.datasets is not None
        split, sample, sequences, _ = place
        return self._parts.datasets.next(split, sample, sequences)

    def _compute(self, place: Place, batch: Callable[[], Rows]) -> tuple[float, float, Reported]:
        """The forward of a micro-batch and, in training, its backward."""
        import torch

        split, _, _, count = place
        training = split == "train"
        own = self._parts.datasets is not None
        self._iterator.due(lambda: self._own_batch(place) if own else _named(batch()))
        if self.module is not None:
            self.module.train(training)
        with torch.set_grad_enabled(training):
            output, loss_function = self._forward(self._iterator, self.model)
            loss, tokens, reported = measured(loss_function(output), count)
        self._iterator.due(None)
        if training:
            self._run.balance(1 / count if tokens is None else 0.0)
            loss.backward()
            if self.module is not None:
                self.module.take_gradients(self._run)
        return float(loss.detach()), tokens or 0.0, reported


def _named(rows: Rows) -> dict[str, Any]:
    tokens, labels, loss_mask, position_ids = rows
    return {
        "tokens": tokens,
        "labels": labels,
        "loss_mask": loss_mask,
        "position_ids": position_ids,
        "attention_mask": None,
    }


def _fill(context: CallbackContext, row: dict[str, Any]) -> None:
    """Gives a context what Megatron Bridge's has, of a row of metrics."""
    import torch

    means = {"lm loss": row.get("loss", row.get("validation_loss", row.get("test_loss")))}
    means |= row.get("reported", {})
    tensors = {
        name: torch.tensor(float("nan") if mean is None else mean, dtype=torch.float64)
        for name, mean in means.items()
    }
    if "grad_norm" not in row:
        context.total_loss_dict = tensors
        return
    context.loss_dict = tensors
    context.grad_norm = float("nan") if row["grad_norm"] is None else row["grad_norm"]
    context.skipped_iter = row["skipped"]
