"""What one worker does: pieces of inputs to tokens."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bascule.data.chat import BadRowError, ChatTemplate
from bascule.data.rows import Texts, rows_of, texts_of
from bascule.data.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE = 1 << 22  # characters given to the tokenizer, which makes hundreds of bytes of each


@dataclass
class Column:
    """The documents of a key: whole numbers, as bytes of int32."""

    tokens: array[int] = field(default_factory=lambda: array("i"))
    lengths: array[int] = field(default_factory=lambda: array("i"))
    """Tokens of each sequence."""
    documents: array[int] = field(default_factory=lambda: array("i"))
    """Sequences of each document."""


@dataclass
class BadRows:
    """Rows that are left out."""

    count: int = 0
    first: int = 0
    """The number of the first one."""
    why: str = ""

    def add(self, number: int, why: str) -> None:
        """Counts one."""
        self.count += 1
        if self.count == 1:
            self.first, self.why = number, why


@dataclass
class Encoded:
    """A piece, tokenized."""

    columns: list[Column]
    bad: BadRows


class Encoder:
    """Tokenizes as `settings` say; see `bascule.data.tokenizing.settings_of_workers`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._tokenizer = Tokenizer(settings["tokenizer"])
        self._keys = tuple(settings["json_keys"])
        self._special = bool(settings["add_special_tokens"])
        self._end: int | None = settings["end"]
        self._stop_at_bad = not settings["skip_bad_rows"]
        self._template = None
        if settings["chat_template"]:
            now = datetime.fromisoformat(settings["now"])
            config = self._tokenizer.config
            self._template = ChatTemplate(self._tokenizer.directory, config, now)

    def encode(self, kind: str, body: bytes, first: int, begins: bool) -> Encoded:
        """A piece; `begins` says that it is a file's first."""
        if begins and kind != "parquet":
            body = body.removeprefix(b"\xef\xbb\xbf")  # a mark that says UTF-8, and is no text
        done = Encoded([Column() for _ in self._keys], BadRows())
        for rows in self._batches(kind, body, first, done.bad):
            self._add(rows, done)
        return done

    def _batches(
        self, kind: str, body: bytes, first: int, bad: BadRows
    ) -> Iterator[list[tuple[int, Texts]]]:
        kept: list[tuple[int, Texts]] = []
        size = 0
        for number, parse in rows_of(kind, body, first):
            try:
                texts = texts_of(kind, parse(), self._keys, self._template)
            except BadRowError as error:
                bad.add(number, str(error))
                if self._stop_at_bad:
                    return
                continue
            kept.append((number, texts))
            size += sum(len(text) for each in texts for text in each)
            if size >= _AT_ONCE:
                yield kept
                kept, size = [], 0
        yield kept

    def _add(self, rows: list[tuple[int, Texts]], done: Encoded) -> None:
        for number, column in enumerate(done.columns):
            texts = [text for _, row in rows for text in row[number]]
            ids = iter(self._tokenizer.encode(texts, self._special))
            for _, row in rows:
                sequences = [next(ids) for _ in row[number]]
                self._add_document(column, [each for each in sequences if each])

    def _add_document(self, column: Column, sequences: list[array[int]]) -> None:
        """As Megatron: a sequence without tokens is none, and an empty document has no end."""
        if sequences and self._end is not None:
            sequences[-1].append(self._end)
        for each in sequences:
            column.tokens.extend(each)
            column.lengths.append(len(each))
        column.documents.append(len(sequences))
