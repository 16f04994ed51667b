"""How long calls say where they stand."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias, cast

from bascule.errors import ConversionWarning


class Progress(Protocol):
    """What may be given as progress=: an object that is told all that happens.

    Its methods are called by the thread that made the call, some twenty times a second at most.
    What they raise stops the work and comes out of the call.
    """

    def phase(self, name: str, total_bytes: int, /) -> object:
        """A new stretch of work begins, of so many bytes; 0 where that is not known."""

    def advance(self, bytes: int, /) -> object:
        """So many more bytes of the phase are done."""

    def note(self, text: str, /) -> object:
        """Something worth a line, such as work that is resumed."""

    def warn(self, text: str, /) -> object:
        """Something to look at; Python's warnings get it, too."""


Function: TypeAlias = Callable[[str, int, int], object]
"""A function of the phase's name, the bytes done of it, and its bytes in total (0: not known)."""

Given: TypeAlias = Progress | Function | bool | None


class Counted:
    """Tells a function of three values."""

    def __init__(self, report: Function) -> None:
        self._report = report
        self._phase, self._done, self._total = "", 0, 0

    def phase(self, name: str, total_bytes: int) -> None:
        """Counts from 0."""
        self._phase, self._done, self._total = name, 0, total_bytes
        self._report(name, 0, total_bytes)

    def advance(self, bytes: int) -> None:
        """Counts on."""
        self._done += bytes
        self._report(self._phase, self._done, self._total)

    def note(self, text: str) -> None:
        """Has no place in three values."""

    def warn(self, text: str) -> None:
        """Python's warnings have it."""


class Silent(Counted):
    """Tells nobody."""

    def __init__(self) -> None:
        super().__init__(lambda phase, done, total: None)


class Warned:
    """Passes on what happens, and gives warnings to Python's, too, as of the user's line."""

    def __init__(self, progress: Progress) -> None:
        self.phase, self.advance, self.note = progress.phase, progress.advance, progress.note
        self._warn = progress.warn
        self._warned: set[str] = set()

    def warn(self, text: str) -> None:
        """Is called by the C++, which the function that the user called has called."""
        self._warned.add(text)
        self._warn(text)
        warnings.warn(text, ConversionWarning, stacklevel=3)

    def warn_of_the_rest(self, texts: tuple[str, ...]) -> None:
        """Is called by the function that the user called, with all that an outcome warns of."""
        for text in texts:
            if text not in self._warned:
                self._warned.add(text)
                self._warn(text)
                warnings.warn(text, ConversionWarning, stacklevel=3)


def listener(progress: Given) -> Warned:
    """What the C++ tells, for what a user gave."""
    if progress is None or isinstance(progress, bool):
        return Warned(Silent())
    if all(hasattr(progress, name) for name in ("phase", "advance", "note", "warn")):
        return Warned(cast("Progress", progress))
    if callable(progress):
        return Warned(Counted(progress))
    raise TypeError(
        "progress takes True, a function of a phase, its bytes done and in total, or an object "
        f"with phase, advance, note and warn; not {progress!r}"
    )


def shown(steps: list[int], show: bool) -> Iterable[int]:
    """The steps, with a line of their progress on stderr where that is a terminal."""
    if show and sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            return steps
        bar: Iterable[int] = tqdm(steps, desc="export", unit="tensor")
        return bar
    return steps
