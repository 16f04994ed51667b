"""What a row of the table is, and the commands that rows name.

Exit codes: 2 the user's mistake, 3 a broken file, 4 another model, 5 not supported, 6 the machine.
"""

from collections.abc import Callable
from typing import NamedTuple

from model import Make

IMPORT, EXPORT, VERIFY = "import hf out", "export megatron out", "verify megatron"


class Case(NamedTuple):
    name: str
    what: str
    make: Make
    command: str
    exit: int
    file: str  # that the message names
    message: str  # a part of it


def later(make: Callable[[], Make]) -> Make:
    """Put off until it is needed: for rows of many megabytes."""
    return lambda folder: make()(folder)
