"""The states of the random generators that Python code draws from."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

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


class Stream:
    """Random numbers beside the run's: in a `with` block Python's, numpy's and torch's generators
    are where the last block left them, in the first one where `seed` puts them. Around a block they
    are the run's.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed % 2**32  # as much as numpy takes
        self._inside: dict[str, Any] = {}
        self._outside: dict[str, Any] = {}

    def __enter__(self) -> None:
        for name, (get, put, begin) in _generators().items():
            self._outside[name] = get()
            if name in self._inside:
                put(self._inside[name])
            else:
                begin(self._seed)

    def __exit__(self, *raised: object) -> None:
        for name, (get, put, _) in _generators().items():
            if name in self._outside:
                self._inside[name] = get()
                put(self._outside[name])


def _generators() -> dict[
    str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[int], Any]]
]:
    """What reads the state of each generator in use, what sets it, and what seeds it."""
    import torch

    of_torch = torch.default_generator  # alone: torch.manual_seed would seed the GPU's, too
    found: dict[str, Any] = {
        "python": (random.getstate, random.setstate, random.seed),
        "torch": (of_torch.get_state, of_torch.set_state, of_torch.manual_seed),
    }
    if "numpy" in sys.modules:
        of_numpy = sys.modules["numpy"].random
        found["numpy"] = (of_numpy.get_state, of_numpy.set_state, of_numpy.seed)
    if torch.cuda.is_initialized():
        of_gpu = torch.cuda
        found["cuda"] = (of_gpu.get_rng_state, of_gpu.set_rng_state, of_gpu.manual_seed)
    return found
