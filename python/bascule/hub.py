"""Models by their Hub ids: from the local cache, or downloaded into it."""

from __future__ import annotations

import json
import os
import re
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bascule.errors import ConversionWarning, ResourceError, UserError

# What a model is made of; other formats of its weights stay where they are.
FILES = [
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
_CONFIG = "config.json"
_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Access:
    """How a model of the Hub is asked for, in the words of `huggingface_hub.snapshot_download`.

    Attributes:
        revision: a branch, a tag or a commit; None: the latest of the main branch.
        token: who asks; None: who is logged in; False: nobody.
        cache_dir: the cache; None: HF_HUB_CACHE of the environment.
        local_files_only: leave the network alone.
    """

    revision: str | None = None
    token: bool | str | None = field(default=None, repr=False)
    cache_dir: str | os.PathLike[str] | None = None
    local_files_only: bool = False


def resolve(
    id_or_path: str | os.PathLike[str], access: Access | None = None, *, weights: bool = True
) -> Path:
    """The directory of a model: `id_or_path` itself, or the snapshot of a Hub id.

    What is in the cache is taken from there, and the network is asked only for what is not.

    Args:
        id_or_path: the directory, or the id.
        access: how the Hub is asked.
        weights: False: config.json is enough.

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
    asked = asdict(access or Access())
    offline = asked.pop("local_files_only")
    asked["allow_patterns"] = FILES if weights else [_CONFIG]
    cached: Path | None = None
    try:
        cached = Path(snapshot_download(name, local_files_only=True, **asked))
    except (errors.LocalEntryNotFoundError, FileNotFoundError) as error:
        partial = getattr(error, "snapshot_path", None)
        cached = Path(partial) if partial else None
    except errors.HFValidationError as error:
        raise UserError(f"{name} is neither a directory nor a Hub id: {error}") from None
    if cached and not missing(cached, weights=weights):
        return cached
    if offline:
        lacks = missing(cached, weights=weights) if cached else ""
        raise ResourceError(f"{_not_here(name, lacks)} (local_files_only is True)")
    try:
        found = Path(snapshot_download(name, **asked))
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
        lacks = missing(cached, weights=weights) if cached else ""
        raise ResourceError(f"{_not_here(name, lacks)} ({error})") from error
    lacks = missing(found, weights=weights)
    if lacks:  # what the library gives where it cannot reach the Hub
        raise ResourceError(_not_here(name, lacks))
    return found


def missing(snapshot: Path, *, weights: bool = True) -> str:
    """What a cached snapshot lacks of config.json and, if asked for, the weights; or nothing."""
    if not (snapshot / _CONFIG).exists():
        return _CONFIG
    if not weights:
        return ""
    names = {each.name for each in snapshot.glob("*.safetensors") if each.exists()}
    if (snapshot / _INDEX).exists():
        try:
            wanted = json.loads((snapshot / _INDEX).read_text())["weight_map"].values()
        except (ValueError, LookupError, AttributeError, TypeError):
            return ""  # what is wrong with it is said where it is read
        return min(set(wanted) - names, default="")
    parts = [found for each in names if (found := re.search(r"-of-(\d+)\.", each))]
    if (snapshot / _INDEX).is_symlink() or any(len(parts) < int(found[1]) for found in parts):
        return _INDEX
    return "" if names else "model.safetensors"


def warn_without_tokenizer(saved: Path, name: str) -> None:
    """Warns of a model that was saved when only config.json of the Hub's was here."""
    if not any(saved.glob("tokenizer*")):
        warnings.warn(
            f"{saved} has no tokenizer, as only config.json of {name} was fetched; ask for the "
            "bridge's path, which fetches the rest, before models are made",
            ConversionWarning,
            stacklevel=4,
        )


def _not_here(name: str, lacks: str) -> str:
    what = f"{lacks} of {name}" if lacks else name
    return (
        f"the local cache lacks {what}, and the Hub did not give it; unset HF_HUB_OFFLINE if it is "
        f"set, run `hf download {name}` where there is a network, or name the model's directory"
    )
