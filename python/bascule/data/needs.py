"""Packages that only some calls need."""

from __future__ import annotations

import importlib
from typing import Any

from bascule.errors import ResourceError


def package(name: str, purpose: str) -> Any:  # noqa: ANN401  a module's names are its own
    """A module of another package.

    Raises:
        bascule.ResourceError: it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        root = name.partition(".")[0]
        raise ResourceError(
            f"{purpose} needs the Python package {root}, which cannot be imported ({error}): "
            f"pip install {root}"
        ) from error
