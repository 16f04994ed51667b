"""What `bascule data tokenize` runs, with the words ASKED TOKENIZER OUTPUT INPUT...

It says what happens on stdout, a JSON object a line; cli/tokenizing.cpp reads them.
"""

from __future__ import annotations

import json
import os
import signal
import warnings
from typing import TYPE_CHECKING

import bascule
from bascule.errors import Error, UserError

if TYPE_CHECKING:
    from types import FrameType


def say(**said: object) -> None:
    """Writes a line."""
    print(json.dumps(said), flush=True)


class _Said:
    """bascule.Progress, as lines."""

    def phase(self, name: str, total_bytes: int) -> None:
        say(phase=name, bytes=total_bytes)

    def advance(self, bytes: int) -> None:
        say(advance=bytes)

    def note(self, text: str) -> None:
        say(note=text)

    def warn(self, text: str) -> None:
        say(warn=text)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # one is enough
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(words: list[str]) -> None:
    """Does what the words ask for, and ends quietly where nobody listens any more."""
    try:
        _run(words)
    except BrokenPipeError:
        os._exit(1)


def _run(words: list[str]) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _stop)
    warnings.simplefilter("ignore", bascule.ConversionWarning)  # the other side shows them
    asked = json.loads(words[0])
    try:
        if asked["version"] != bascule.__version__:
            raise UserError(
                f"the program is bascule {asked['version']}, the Python package "
                f"{bascule.__version__} ({bascule.__path__[0]}): install both anew"
            )
        from bascule.data import tokenize

        made = tokenize(words[3:], words[1], words[2], **asked["keywords"], progress=_Said())
        say(made=[each.prefix for each in made.datasets])
    except Error as error:
        say(error=error.args[0], kind=error.kind)
    except KeyboardInterrupt as stopped:
        what = f"stopped by {stopped}; what is done is kept: the same command goes on"
        say(error=what, kind="interrupted")
