"""Texts cut where a row or document ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from bascule.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20  # bytes read at once
LONGEST = 64 << 20  # bytes of a row, or of a document of a text

_BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")
_REMEDIES = {
    "json": "one JSON object a line is expected; an array becomes that by: jq -c '.[]'",
    "line": "divide it, or leave it out",
    "paragraph": "an empty line ends a paragraph; --sample-by line takes every line",
    "document": "--sample-by paragraph or line makes several documents of it",
}


def pieces(text: BinaryIO, kind: str, path: str, line: int) -> Iterator[bytes]:
    """Stretches of whole rows, that is of whole documents; joined they are the text.

    Raises:
        bascule.FormatError: a row that is longer than LONGEST.
    """
    rest = b""
    while block := text.read(PIECE):
        rest += block
        end = _last_end(rest, kind)
        if end:
            body, rest = rest[:end], rest[end:]
            yield body
            line += body.count(b"\n")
        if len(rest) > LONGEST:
            raise FormatError(
                f"{path}: the {_name(kind)} that begins in line {line} is longer than "
                f"{LONGEST >> 20} MiB: {_REMEDIES[kind]}"
            )
    if rest:
        yield rest


def _name(kind: str) -> str:
    return "row" if kind == "json" else kind


def _last_end(text: bytes, kind: str) -> int:
    """Bytes up to the end of the last row that is whole; 0 without any."""
    if kind == "document":
        return 0
    if kind != "paragraph":
        return text.rfind(b"\n") + 1
    end = 0
    for blank in _BLANK_LINE.finditer(text):
        end = blank.end()
    return end


def documents(body: str, kind: str, first: int) -> Iterator[tuple[int, str]]:
    """The documents of a text of whole ones, each with the number of its first line.

    A line is a document without its end; a paragraph is the lines between blank ones, and a
    document is all there is. What is blank alone is no document.
    """
    if kind == "document":
        if body.strip():
            yield first, body
        return
    kept: list[str] = []
    for number, line in enumerate(body.split("\n"), first):
        whole = line.removesuffix("\r")
        if kind == "line" and whole.strip():
            yield number, whole
        elif kind == "paragraph" and whole.strip():
            kept.append(whole)
        elif kept:
            yield number - len(kept), "\n".join(kept)
            kept = []
    if kept:
        yield first + body.count("\n") + 1 - len(kept), "\n".join(kept)
