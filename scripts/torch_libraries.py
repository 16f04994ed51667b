#!/usr/bin/env python3
"""Prints the folders of the shared libraries of this Python's torch, as LD_LIBRARY_PATH wants them.

A program of the engine that was built elsewhere runs with them:
    LD_LIBRARY_PATH=$(python3 scripts/torch_libraries.py) ./bascule-engine train RECIPE
"""

import importlib.util
import site
import sys
from pathlib import Path


def torch_libraries() -> str:
    """torch's own folder, and those of the nvidia packages beside it; does not import torch."""
    found = importlib.util.find_spec("torch")
    if found is None or not found.submodule_search_locations:
        sys.exit(f"{sys.executable} has no torch")
    torch = Path(found.submodule_search_locations[0])
    places = [torch.parent, *map(Path, site.getsitepackages()), Path(site.getusersitepackages())]
    folders = [torch / "lib"]
    for place in places:
        folders += sorted(place.glob("nvidia/*/lib"))
    return ":".join(dict.fromkeys(map(str, folders)))


if __name__ == "__main__":
    print(torch_libraries())
