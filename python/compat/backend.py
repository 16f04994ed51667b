"""Builds the distribution with scikit-build-core, unless the real Megatron Bridge is installed."""

from __future__ import annotations

import re
import site
import sys
import sysconfig
from importlib.metadata import distributions

from scikit_build_core import build
from scikit_build_core.build import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]
Config = dict[str, list[str] | str] | None


def _refuse() -> None:
    """Looks where the interpreter installs packages, also out of pip's isolated environment."""
    paths = sysconfig.get_paths()
    folders = {paths["purelib"], paths["platlib"], site.getusersitepackages(), *sys.path}
    for found in distributions(path=sorted(folders)):
        if re.sub(r"[-_.]+", "-", found.name).lower() == "megatron-bridge":
            sys.exit(
                f"megatron-bridge {found.version} is installed in {found.locate_file('')}: "
                "bascule-megatron-bridge provides the same import name, megatron.bridge. Install "
                "one of them in an environment (`pip uninstall megatron-bridge`)"
            )


def build_wheel(folder: str, config: Config = None, metadata: str | None = None) -> str:
    """As scikit-build-core's, beside no other megatron.bridge."""
    _refuse()
    return build.build_wheel(folder, config, metadata)


def build_editable(folder: str, config: Config = None, metadata: str | None = None) -> str:
    """As scikit-build-core's, beside no other megatron.bridge."""
    _refuse()
    return build.build_editable(folder, config, metadata)
