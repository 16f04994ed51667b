"""What reads checkpoints and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from bascule import _core
from bascule.progress import Given, listener

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from bascule.reports import FamilyInfo, Inspection, Machine, PlanListing, Report, SelfCheck


@overload
def verify(
    first: str | os.PathLike[str],
    second: None = None,
    *,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
    progress: Given = None,
) -> SelfCheck: ...
@overload
def verify(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    *,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
    progress: Given = None,
) -> Report: ...
def verify(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str] | None = None,
    *,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
    progress: Given = None,
) -> Report | SelfCheck:
    """Compares two checkpoints of any format, or checks one against its manifest.

    A difference is not an exception: the result is false then, and says what differs.

    Args:
        first: a Hugging Face model or a Megatron checkpoint, or one iteration of it.
        second: another, of either format. None: hash the first's files and compare them with the
            manifest that bascule wrote; without one only the structure is checked.
        family: see `import_checkpoint`, as for all that follow.
        ignore_keys: keys of config.json to leave out of account.
        memory: resident memory to stay below: bytes, or "150M".
        threads: how many work.
        progress: see `import_checkpoint`.

    Raises:
        bascule.Error: what cannot be read, or is no model that bascule knows.
    """
    keywords = _reading(family, ignore_keys, memory, threads)
    told, line = listener(progress), progress is True
    if second is None:
        return _core.verify_checkpoint(first, keywords, told, line)
    return _core.verify_checkpoints(first, second, keywords, told, line)


def inspect(
    path: str | os.PathLike[str],
    *,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
) -> Inspection:
    """Tells what a checkpoint is: format, family, sizes, tensors. Reads headers, not tensors.

    Args:
        path: a Hugging Face model or a Megatron checkpoint, or one iteration of it.
        family: see `import_checkpoint`, as for all that follow.
        ignore_keys: keys of config.json to leave out of account.
        memory: resident memory to stay below.
        threads: how many work.

    Raises:
        bascule.Error: what cannot be read, or is no model that bascule knows.
    """
    return _core.inspect(path, _reading(family, ignore_keys, memory, threads))


def plan(
    source: str | os.PathLike[str],
    to: str,
    *,
    only: str | None = None,
    tp: int | None = None,
    pp: int | None = None,
    vpp: int | None = None,
    cp: int | None = None,
    ep: int | None = None,
    etp: int | None = None,
    padded_vocab_multiple: int | None = None,
    family: str | None = None,
    ignore_keys: Sequence[str] = (),
    memory: int | str | None = None,
    threads: int | None = None,
) -> PlanListing:
    """Lists which box of which tensor goes where. Reads headers and writes nothing.

    Args:
        source: a Hugging Face model or a Megatron checkpoint.
        to: "megatron" or "hf".
        only: list the copies in which a part of a tensor's name, or of the parameter's, matches
            this shell pattern.
        tp: tensor parallel size. With sizes above 1 the target is the ranks of such a run, and
            the shapes that each holds are listed.
        pp: pipeline parallel size.
        vpp: virtual pipeline stages on each rank.
        cp: context parallel size.
        ep: expert parallel size.
        etp: expert tensor parallel size; None: as tp.
        padded_vocab_multiple: rows of the vocabulary are padded to a multiple of it.
        family: see `import_checkpoint`, as for all that follow.
        ignore_keys: keys of config.json to leave out of account.
        memory: resident memory to stay below.
        threads: how many work.

    Raises:
        bascule.Error: what cannot be read, or sizes that do not divide the model's.
    """
    keywords = _reading(family, ignore_keys, memory, threads)
    keywords |= {"to": to, "only": only, "padded_vocab_multiple": padded_vocab_multiple}
    keywords |= {"tp": tp, "pp": pp, "vpp": vpp, "cp": cp, "ep": ep, "etp": etp}
    return _core.plan(source, keywords)


def models() -> tuple[FamilyInfo, ...]:
    """Lists the families of models, and what each supports."""
    return _core.models()


def doctor() -> Machine:
    """Tells what this machine has for converting and training."""
    return _core.doctor()


def _reading(
    family: str | None,
    ignore_keys: Sequence[str],
    memory: int | str | None,
    threads: int | None,
) -> dict[str, object]:
    return {"family": family, "ignore_key": ignore_keys, "memory": memory, "threads": threads}
