"""The training engine, which not every installation has, and the torch that it stands on."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from bascule import _core
from bascule.errors import UnsupportedError
from bascule.torch_libraries import torch_folder, torch_version

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_WANTED = f"torch=={_core.torch_version}"
_BUILD = (
    "pip install --no-build-isolation --force-reinstall --no-deps DIR, with DIR bascule's clone"
)


def torch_of_the_engine() -> Path:
    """The folder of torch, once it is sure that the engine is here and was built on this torch.

    Raises:
        bascule.UnsupportedError: it is not, with what to install.
    """
    built = importlib.util.find_spec("bascule._engine") is not None
    folder = torch_folder()
    found = None if folder is None else torch_version(folder)
    if folder is not None and found == _core.torch_version and built:
        return folder
    lacks = "is not in this Python" if folder is None else f"is torch {found} in {folder}"
    wanted = [] if found == _core.torch_version else [f"pip install {_WANTED}"]
    if not built:
        lacks = "was not there when this installation of bascule was built" if not wanted else lacks
        wanted.append(_BUILD)
    raise UnsupportedError(
        f"models in memory and training stand on {_WANTED}, which {lacks}: {'; then '.join(wanted)}"
    )


def engine() -> ModuleType:
    """`bascule._engine`.

    Raises:
        bascule.UnsupportedError: it, or the torch that it was built on, is not here.
    """
    torch_of_the_engine()
    try:
        import torch  # noqa: F401  its libraries are what the extension stands on

        from bascule import _engine
    except ImportError as error:
        raise UnsupportedError(
            f"the training engine of this installation of bascule cannot be loaded with the torch "
            f"of this Python ({error}); build it on that: {_BUILD}"
        ) from error
    return _engine
