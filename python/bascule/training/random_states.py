"""The states of the random generators that Python code draws from."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Twister = tuple[list[int], int, float | None]  # 624 words, the position, the next normal number
States = tuple[Twister, Twister, bytes, bytes]  # Python's, numpy's, torch's, the GPU's


def current(before: States) -> States:
    """As they are now; of numpy where nobody has imported it, and of a GPU that nobody uses, what
    they were `before`.
    """
    import torch

    _, numpy_state, _, cuda = before
    _, words, normal = random.getstate()
    if "numpy" in sys.modules:
        _, keys, position, has_normal, cached = sys.modules["numpy"].random.get_state()
        numpy_state = (keys.tolist(), int(position), float(cached) if has_normal else None)
    if torch.cuda.is_initialized():
        cuda = _bytes(torch.cuda.get_rng_state())
    return (list(words[:-1]), words[-1], normal), numpy_state, _bytes(torch.get_rng_state()), cuda


def restore(states: States) -> None:
    """Makes them what they were."""
    import torch

    (words, position, normal), (keys, numpy_position, cached), bytes_of_torch, cuda = states
    random.setstate((3, (*words, position), normal))
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.set_state(
            ("MT19937", keys, numpy_position, int(cached is not None), cached or 0.0)
        )
    torch.set_rng_state(_tensor(bytes_of_torch))
    if torch.cuda.is_initialized() and cuda:
        torch.cuda.set_rng_state(_tensor(cuda))


def _bytes(state: Tensor) -> bytes:
    return bytes(state.tolist())


def _tensor(state: bytes) -> Tensor:
    import torch

    return torch.tensor(list(state), dtype=torch.uint8)
