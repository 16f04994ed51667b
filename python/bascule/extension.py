"""The engine's extension, which not every installation has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule.errors import UnsupportedError

if TYPE_CHECKING:
    from types import ModuleType


def engine() -> ModuleType:
    """`bascule._engine`.

    Raises:
        bascule.UnsupportedError: it, or the torch that it was built for, is not here.
    """
    try:
        import torch  # noqa: F401  its libraries are what the extension stands on

        from bascule import _engine
    except ImportError as error:
        raise UnsupportedError(
            f"models in memory need torch 2.11.0 and the training engine, which this installation "
            f"of bascule lacks ({error}); in a clone, `cmake --preset engine && cmake --build "
            "build/engine` makes a package with it: PYTHONPATH=build/engine/python"
        ) from error
    return _engine
