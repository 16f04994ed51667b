"""Models by their Hub ids: from the local cache, or downloaded into it."""

from __future__ import annotations

import os
from pathlib import Path

from bascule.errors import ResourceError, UserError

# What a model is made of; other formats of its weights stay where they are.
_FILES = [
    "*.safetensors",
    "*.json",
    "*.model",
    "*.txt",
    "*.jinja",
    "*.py",
    "*.md",
    "LICENSE*",
    "USE_POLICY*",
]


def resolve(id_or_path: str | os.PathLike[str], *, revision: str | None = None) -> Path:
    """The directory of a model: `id_or_path` itself, or the snapshot of a Hub id.

    A model that is in the cache is taken from there, and nothing touches the network.

    Raises:
        bascule.UserError: no such directory, and no such model, with what to do.
        bascule.ResourceError: the Hub cannot be reached, or wants a login.
    """
    path = Path(id_or_path)
    if path.exists():
        return path
    name = os.fspath(id_or_path)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise UserError(f"{name} does not exist")
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise ResourceError(
            f"{name} is no directory here, and a model of the Hub needs huggingface_hub: "
            "pip install huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (errors.LocalEntryNotFoundError, FileNotFoundError):
        pass
    except errors.HFValidationError as error:
        raise UserError(f"{name} is neither a directory nor a Hub id: {error}") from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except errors.GatedRepoError as error:
        raise ResourceError(
            f"{name} is gated: accept its licence at https://huggingface.co/{name}, then run "
            "`hf auth login` or set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name} is no directory here and no model of the Hub that you can see; check its "
            "spelling, or log in (`hf auth login`) if it is private"
        ) from error
    except Exception as error:  # of whatever the network's library raises
        raise ResourceError(
            f"{name} is not in the local cache, and could not be downloaded ({error}); download it "
            f"where there is a network (`hf download {name}`), or name its directory"
        ) from error
