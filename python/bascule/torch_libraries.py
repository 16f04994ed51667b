#!/usr/bin/env python3
"""Where the shared libraries of this Python's torch lie, without importing it.

A program of the engine that was built elsewhere runs with them:
    LD_LIBRARY_PATH=$(python3 python/bascule/torch_libraries.py) ./bascule-engine train RECIPE
"""

from __future__ import annotations

import importlib.util
import re
import site
import sys
from pathlib import Path


def torch_folder() -> Path | None:
    """The folder of the package torch; None where there is none."""
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0])


def torch_version(torch: Path) -> str:
    """Of the torch in a folder, without the build's name: "2.11.0". Empty where it does not say."""
    version = torch / "version.py"
    text = version.read_text() if version.is_file() else ""
    found = re.search(r"^__version__ = '([0-9.]+)", text, re.MULTILINE)
    return found[1] if found else ""


def torch_libraries(torch: Path) -> str:
    """As LD_LIBRARY_PATH wants them: torch's own folder, and those of the nvidia packages."""
    places = [torch.parent, *map(Path, site.getsitepackages()), Path(site.getusersitepackages())]
    folders = [torch / "lib"]
    for place in places:
        folders += sorted(place.glob("nvidia/*/lib"))
    return ":".join(dict.fromkeys(map(str, folders)))


if __name__ == "__main__":
    here = torch_folder()
    if here is None:
        sys.exit(f"{sys.executable} has no torch")
    print(torch_libraries(here))
