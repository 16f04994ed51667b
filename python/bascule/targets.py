"""Whether what is at a target may be replaced without being asked, as Megatron Bridge does."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from bascule.hub import FILES

if TYPE_CHECKING:
    from pathlib import Path

_OWN = "bascule"  # the folder of what bascule says of the rest


def is_model(folder: Path) -> bool:
    """Whether a directory is a Hugging Face model, or its weights alone, and holds nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        written = json.loads((folder / _OWN / "manifest.json").read_text())["files"]
    except (OSError, ValueError, LookupError, TypeError):
        written = {}
    names = [each.relative_to(folder) for each in folder.rglob("*") if not each.is_dir()]
    others = [name for name in names if name.parts[0] != _OWN and name.as_posix() not in written]
    return any(name.suffix == ".safetensors" for name in names) and all(
        len(name.parts) == 1 and any(fnmatch(name.name, one) for one in FILES) for name in others
    )


def is_iteration(folder: Path) -> bool:
    """Whether a directory is an iteration of a Megatron checkpoint."""
    return all((folder / name).is_file() for name in ("metadata.json", ".metadata"))
