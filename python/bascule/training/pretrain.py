"""`bascule.pretrain`: a run of the engine's loop from Python."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bascule.errors import UserError
from bascule.training import gpt_step
from bascule.training.callbacks import Callback, CallbackManager, normalize_callbacks
from bascule.training.data import Datasets
from bascule.training.loop import Loop, Parts
from bascule.training.outcome import TrainOutcome
from bascule.training.own_module import OwnModule

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from bascule.progress import Given


def pretrain(
    config: Any,
    forward_step_func: Callable[..., Any] = gpt_step.forward_step,
    callbacks: list[Callback] | CallbackManager | None = None,
    *,
    model: nn.Module | None = None,
    dataset: Any = None,
    collate_fn: Callable[[list[Any]], Any] | None = None,
    num_workers: int = 0,
    progress: Given = None,
    save_on_error: bool = False,
) -> TrainOutcome:
    """Trains as the configuration says, as `bascule train` does: the loop is the engine's.

    Lines about steps go to `sys.stdout`.

    Args:
        config: a `bascule.ConfigContainer`.
        forward_step_func: `bascule.training.gpt_step.forward_step`, which then runs wholly in C++;
            or your own, called with (data_iterator, model) or (state, data_iterator, model), that
            returns an output and a function of it: (loss, num_tokens, reported) with the loss
            summed over tokens, or (loss, reported) with their mean.
        callbacks: what is called at the moments of the run.
        model: a module of your own, trained in place of the configuration's model. Its parameters
            become the run's own memory, and stay so.
        dataset: read in place of the configuration's: a map-style dataset, in the order of its
            samples; an `IterableDataset` of samples; or any iterable of micro-batches, a DataLoader
            for instance. Or a dict with several of these: "train", "valid", "test".
        collate_fn: makes a micro-batch of a list of samples; None: as torch's DataLoader does.
        num_workers: processes that read samples of `dataset`; 0: none but this one.
        progress: what `bascule.import_checkpoint` takes, for what writes checkpoints.
        save_on_error: when your code raises, or Ctrl-C stops the run, the steps since the last
            checkpoint are saved first.

    Raises:
        bascule.Error: a setting that is wrong or not supported, or what fails in a run.
        Exception: whatever your own code raises, with its traceback.
    """
    from bascule.extension import engine
    from bascule.progress import listener

    if not hasattr(config, "to_yaml"):
        raise UserError(
            f"pretrain() takes a bascule.ConfigContainer, not a {type(config).__name__}; "
            "bascule.recipes has functions that make one"
        )
    if dataset is None and (collate_fn is not None or num_workers):
        raise UserError("collate_fn and num_workers are for a dataset of your own; give one")
    train = engine().train
    parts = Parts(
        cfg=config,
        forward_step=forward_step_func,
        callbacks=normalize_callbacks(callbacks),
        module=None if model is None else OwnModule(model),
        datasets=None if dataset is None else Datasets(dataset, collate_fn, num_workers, _say),
        save_on_error=save_on_error,
    )
    loop = Loop(parts)
    failed = True
    try:
        outcome = train(config.to_yaml(), loop, listener(progress), _say)
        failed = False
    finally:
        loop.ended(failed)
    return TrainOutcome(**outcome)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
