"""Input files as pieces that workers tokenize: whole rows, a bounded number of bytes."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bascule.data import columns, lines
from bascule.data.needs import package
from bascule.errors import FormatError, ResourceError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Input:
    """A file, and what it was when the work began."""

    path: str
    kind: str
    """"json", "parquet", or what is a document of a text: "line", "paragraph", "document"."""
    compression: str
    """".gz", ".zst", or "" where the bytes are the text."""
    size: int
    """Bytes on the disk."""
    changed: int
    """The time of its last change, in nanoseconds."""


@dataclass(frozen=True)
class Place:
    """Where in the inputs a piece begins."""

    input: int = 0
    at: int = 0
    """Bytes of the text, or rows of a parquet file, before it."""
    line: int = 1
    """The number of its first line or row."""


@dataclass(frozen=True)
class Piece:
    """What a worker is given at once."""

    input: Input
    first: int
    """The number of its first line or row, from 1."""
    body: bytes
    after: Place
    """Where the next piece begins."""
    read: int
    """Bytes of the input file that are read by then."""


def inputs_of(paths: list[str], sample_by: str) -> list[Input]:
    """Looks at the files that were named.

    Raises:
        bascule.UserError: a name that says no format, or what is no file.
        bascule.ResourceError: a file that cannot be looked at.
    """
    if not paths:
        raise UserError("there is no input: name files that end in .jsonl, .json, .parquet or .txt")
    return [_input(path, sample_by) for path in paths]


def _input(path: str, sample_by: str) -> Input:
    try:
        status = os.stat(path)
    except OSError as error:
        raise ResourceError(f"cannot open {path}: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is a directory; name the files in it: {path.rstrip('/')}/*.jsonl")
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is not a regular file, which work that is resumed needs")
    name = Path(path)
    compression = name.suffix if name.suffix in _COMPRESSED else ""
    suffix = Path(name.stem).suffix if compression else name.suffix
    kinds = {".jsonl": "json", ".json": "json", ".txt": sample_by}
    if not compression:
        kinds[".parquet"] = "parquet"
    if suffix not in kinds:
        raise UserError(
            f"{path} does not say what it holds: its name must end in .jsonl, .json or .txt, also "
            "with .gz or .zst behind, or in .parquet"
        )
    return Input(path, kinds[suffix], compression, status.st_size, status.st_mtime_ns)


def require_unchanged(given: Input) -> None:
    """Raises bascule.ResourceError where the file is another than when the work began."""
    try:
        status = os.stat(given.path)
    except OSError as error:
        raise ResourceError(f"cannot open {given.path}: {error.strerror}") from None
    if (status.st_size, status.st_mtime_ns) != (given.size, given.changed):
        raise ResourceError(
            f"{given.path} was changed while it was tokenized; run the command again when nobody "
            "writes it"
        )


def pieces(inputs: list[Input], keys: tuple[str, ...], begin: Place) -> Iterator[Piece]:
    """All pieces from a place on, in the order of the inputs.

    Raises:
        bascule.FormatError: a file that is not what its name says, or a document that is too long.
        bascule.ResourceError: a file that cannot be read, or was changed meanwhile.
    """
    for number in range(begin.input, len(inputs)):
        place = begin if number == begin.input else Place(number)
        try:
            yield from _pieces_of(inputs[number], keys, place)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FormatError(
                f"{inputs[number].path} is no whole {inputs[number].compression} file: {error}; "
                "copy or fetch it again"
            ) from error
        except OSError as error:
            raise ResourceError(
                f"cannot read {inputs[number].path}: {error.strerror or error}"
            ) from error
        require_unchanged(inputs[number])


def _pieces_of(given: Input, keys: tuple[str, ...], begin: Place) -> Iterator[Piece]:
    if given.kind == "parquet":
        for rows in columns.pieces(given.path, keys, begin.at):
            after = Place(begin.input, rows.after, rows.after + 1)
            read = given.size * rows.after // max(rows.total, 1)
            yield Piece(given, rows.first + 1, rows.body, after, read)
        return
    with open(given.path, "rb") as raw, _decompressed(raw, given.compression) as text:
        _skip(text, begin.at)
        at, line = begin.at, begin.line
        for body in lines.pieces(text, given.kind, given.path, line):
            first, at, line = line, at + len(body), line + body.count(b"\n")
            yield Piece(given, first, body, Place(begin.input, at, line), raw.tell())


def _decompressed(raw: BinaryIO, compression: str) -> BinaryIO:
    if compression == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw, mode="rb"))
    if compression == ".zst":
        return io.BufferedReader(_Zst(raw))
    return raw


class _Zst(io.RawIOBase):
    """The text of zstd frames. The package's own reader ends without an error where a file was cut.

    Raises EOFError where a frame is damaged or not whole.
    """

    _PART = 2048  # bytes of a frame at once: 64 MiB of text at the most

    def __init__(self, raw: BinaryIO) -> None:
        self._package = package("zstandard", "reading .zst files")
        self._raw = raw
        self._frame: Any = None
        self._unread, self._text = b"", b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  any buffer
        """Fills the buffer; 0 at the end."""
        while not self._text:
            part = self._unread or self._raw.read(self._PART)
            if not part:
                if self._frame is not None:
                    raise EOFError("it ends amid a frame")
                return 0
            self._frame = self._frame or self._package.ZstdDecompressor().decompressobj()
            try:
                self._text = self._frame.decompress(part)
            except self._package.ZstdError as error:
                raise EOFError(str(error)) from error
            self._unread = b""
            if self._frame.eof:
                self._unread, self._frame = self._frame.unused_data, None
        data, self._text = self._text[: len(buffer)], self._text[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def _skip(text: BinaryIO, bytes: int) -> None:
    if not isinstance(text, io.BufferedReader) or not isinstance(text.raw, io.FileIO):
        while bytes > 0:
            data = text.read(min(bytes, 1 << 20))
            if not data:
                return
            bytes -= len(data)
        return
    text.seek(bytes)
