"""A forward step of the user's: how it is called, and what its loss function says."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from bascule.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from bascule.training.state import GlobalState

Reported = list[tuple[str, float, float]]  # name, sum, count


def with_state(forward_step: Callable[..., Any], state: GlobalState) -> Callable[..., Any]:
    """`forward_step` as a function of (data_iterator, model): one whose first parameter is called
    state or global_state, or is annotated as a GlobalState, gets `state`.
    """
    parameters = list(inspect.signature(forward_step).parameters.values())
    wanted = bool(parameters) and parameters[0].name in ("state", "global_state")
    for each in parameters:
        annotation = each.annotation
        name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
        wanted = wanted or "GlobalState" in name
    return partial(forward_step, state) if wanted else forward_step


def measured(result: Any, micro_batches: int) -> tuple[Tensor, float | None, Reported]:
    """What a loss function gave, as Megatron takes it.

    Returns:
        What to take the gradient of; the tokens by whose sum over the step the gradient is to be
        divided, None: it is not to be; and what is reported.
    """
    if not isinstance(result, tuple) or len(result) not in (2, 3):
        raise UserError(
            "a loss function returns (loss, num_tokens, reported) with the loss summed over tokens,"
            f" or (loss, reported) with their mean; not {_brief(result)}"
        )
    loss = result[0]
    if not hasattr(loss, "backward") or loss.numel() != 1:
        raise UserError(f"the loss is no tensor of one element, but {_brief(loss)}")
    reported = [_one(name, value) for name, value in dict(result[-1]).items()]
    if len(result) == 2:
        return loss / micro_batches, None, reported
    return loss, float(result[1]), reported


def _one(name: str, value: Any) -> tuple[str, float, float]:
    numbers = value.detach().reshape(-1).tolist() if hasattr(value, "detach") else [float(value)]
    if len(numbers) not in (1, 2):
        raise UserError(
            f"a loss function reports {name!r} as {len(numbers)} numbers; 1 is a mean over the "
            "micro-batch, 2 are a sum and a count"
        )
    return name, numbers[0], numbers[1] if len(numbers) == 2 else 1.0


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    size = f" of shape {list(shape)}" if shape is not None else ""
    count = f" of {len(value)}" if isinstance(value, tuple) else ""
    return f"a {type(value).__name__}{size}{count}"
