"""The stock forward step of language models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bascule.training.losses import masked_next_token_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bascule.training.state import GlobalState


def forward_step(
    state: GlobalState,
    data_iterator: Iterator[dict[str, Any]],
    model: Any,
    return_schedule_plan: bool = False,
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """One forward on the next micro-batch, with the loss of the next token.

    Given to `bascule.pretrain` without a model of your own it is not called: the engine computes
    the same, wholly in C++.

    Args:
        state: not looked at.
        data_iterator: gives dicts with tokens, labels, loss_mask, position_ids, attention_mask.
        model: called with input_ids, position_ids, attention_mask and labels.
        return_schedule_plan: there are no such plans here.

    Returns:
        The loss of each token, [sequences, length], and a function of it that gives the loss.
    """
    if return_schedule_plan:
        raise ValueError("return_schedule_plan is of Megatron's pipelines, which are not used here")
    batch = next(data_iterator)
    output = model(
        input_ids=batch["tokens"],
        position_ids=batch["position_ids"],
        attention_mask=batch["attention_mask"],
        labels=batch["labels"],
    )
    return output, partial(masked_next_token_loss, batch["loss_mask"])
