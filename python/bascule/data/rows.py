"""Pieces of inputs as rows, and what of a row is text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bascule.data import columns, lines
from bascule.data.chat import BadRowError, ChatTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXTS = ("line", "paragraph", "document")

# The texts of a row, for each key.
Texts = list[list[str]]


def rows_of(kind: str, body: bytes, first: int) -> Iterator[tuple[int, Callable[[], object]]]:
    """The rows of a piece with their numbers, and a function that parses each: it raises
    BadRowError. A line that is blank holds no row.
    """
    if kind == "parquet":
        for number, row in enumerate(columns.rows(body), first):
            yield number, lambda row=row: row  # type: ignore[misc]
    elif kind == "json":
        for number, line in enumerate(body.split(b"\n"), first):
            if line.strip():
                yield number, lambda line=line: _parsed(line)  # type: ignore[misc]
    else:
        text = body.decode("utf-8", "surrogateescape")
        for number, document in lines.documents(text, kind, first):
            yield number, lambda document=document: document  # type: ignore[misc]


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        what = "an array where one object a line is expected: jq -c '.[]' FILE > FILE.jsonl"
        begins = line.lstrip()[:1] == b"[" and line.count(b"]") < line.count(b"[")
        raise BadRowError(f"it is {what}" if begins else f"it is no JSON: {error}") from None


def texts_of(kind: str, row: object, keys: tuple[str, ...], template: ChatTemplate | None) -> Texts:
    """What is to be tokenized.

    Raises:
        BadRowError: a key is missing, or its value is no text.
    """
    if kind in TEXTS:
        found = [[str(row)]]
    elif isinstance(row, dict):
        found = [_values(row, key, template) for key in keys]
    else:
        raise BadRowError("it is no JSON object")
    try:
        for text in (text for texts in found for text in texts):
            text.encode()
    except UnicodeEncodeError:
        raise BadRowError("its text is not UTF-8, or half of a surrogate pair") from None
    return found


def _values(row: dict[str, object], key: str, template: ChatTemplate | None) -> list[str]:
    if key not in row:
        has = ", ".join(list(row)[:8]) or "nothing"
        raise BadRowError(f"it has no key {key!r}, but {has}; name one with --json-key")
    value = row[key]
    if template is not None:
        return [template.render(value, row.get("tools"))]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise BadRowError(f"its {key!r} is neither a text nor a list of texts")
