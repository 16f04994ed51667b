"""Hugging Face to Megatron, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bascule import _core
from bascule.progress import Given, listener

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from bascule.reports import Outcome


def import_checkpoint(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    iteration: int | None = None,
    compat: str | None = None,
    padded_vocab_multiple: int | None = None,
    require_megatron_logits: bool = False,
    overwrite: bool = False,
    verify: bool = True,
    dry_run: bool = False,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
    progress: Given = None,
) -> Outcome:
    """Converts a Hugging Face model into one iteration of a Megatron checkpoint (torch_dist).

    The iteration appears under its name only when it is complete, was read again and is equal to
    the source. A call that was stopped goes on where it was when it is made again. Keywords are
    the options of `bascule import`; None is the command line's default.

    Args:
        source: a directory with config.json and *.safetensors, or the id of a model in the local
            Hub cache; nothing is downloaded.
        target: the checkpoint's root. It is made where there is none; `iter_NNNNNNN` is added.
        dtype: "bfloat16", "float16" or "float32" for floating-point parameters; None: as stored.
        iteration: the iteration's number, from 0.
        compat: "default", what megatron-core 0.16 writes, or "wide", for newer versions, too.
        padded_vocab_multiple: rows of the vocabulary are padded to a multiple of it.
        require_megatron_logits: fail where Megatron cannot compute what transformers does; without
            it that is a warning.
        overwrite: replace an iteration that exists, once the new one is complete.
        verify: read the result again and compare it, before it gets its name.
        dry_run: plan and check everything, write nothing.
        family: the model's, where the source does not say it; `bascule.models()` lists them.
        ignore_keys: keys of config.json to leave out of account.
        memory: resident memory to stay below: bytes, or "150M", "1G"; 64M at least.
        threads: how many work.
        progress: True for a line on stderr; a function of a phase, its bytes done and in total;
            or an object with the methods of `bascule.Progress`. What it raises stops the work.

    Raises:
        bascule.Error: a subclass by whose fault it is, see `bascule.errors`.
        KeyboardInterrupt: Ctrl-C; what was written by then has not got the target's name.
    """
    keywords: dict[str, object] = {
        "dtype": dtype,
        "iteration": iteration,
        "compat": compat,
        "padded_vocab_multiple": padded_vocab_multiple,
        "require_megatron_logits": require_megatron_logits,
        "overwrite": overwrite,
        "no_verify": not verify,
        "dry_run": dry_run,
        "family": family,
        "ignore_key": ignore_keys,
        "memory": memory,
        "threads": threads,
    }
    told = listener(progress)
    outcome = _core.import_checkpoint(source, target, keywords, told, progress is True)
    told.warn_of_the_rest(outcome.warnings)
    return outcome


def export_checkpoint(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    overwrite: bool = False,
    verify: bool = True,
    dry_run: bool = False,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
    progress: Given = None,
) -> Outcome:
    """Converts a Megatron checkpoint into a Hugging Face directory that transformers loads.

    Needs no network and no original model. Keywords are the options of `bascule export`, and those
    of `import_checkpoint` mean the same there.

    Args:
        source: a checkpoint's root, of which the latest iteration is taken, or one iteration.
        target: the directory to make; one that is not empty needs `overwrite`.
        dtype: see `import_checkpoint`.
        overwrite: replace a directory that is there, once the new one is complete.
        verify: see `import_checkpoint`.
        dry_run: plan and check everything, write nothing.
        family: the model's, where the checkpoint does not say it.
        ignore_keys: see `import_checkpoint`.
        memory: see `import_checkpoint`.
        threads: how many work.
        progress: see `import_checkpoint`.

    Raises:
        bascule.Error: a subclass by whose fault it is, see `bascule.errors`.
        KeyboardInterrupt: Ctrl-C; what was written by then has not got the target's name.
    """
    keywords: dict[str, object] = {
        "dtype": dtype,
        "overwrite": overwrite,
        "no_verify": not verify,
        "dry_run": dry_run,
        "family": family,
        "ignore_key": ignore_keys,
        "memory": memory,
        "threads": threads,
    }
    told = listener(progress)
    outcome = _core.export_checkpoint(source, target, keywords, told, progress is True)
    told.warn_of_the_rest(outcome.warnings)
    return outcome
