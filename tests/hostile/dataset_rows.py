"""Rows: indexed datasets."""

import struct
from collections.abc import Iterator
from pathlib import Path

from case import Case
from model import Make, put

CHECK, LIST, MERGE = "data check x", "data list x", "data merge out x x"


def idx(
    lengths: list[int] | None = None,
    offsets: list[int] | None = None,
    documents: list[int] | None = None,
    sequences: int | None = None,
    boundaries: int | None = None,
    code: int = 8,
) -> bytes:
    """An index, right unless told otherwise: sequences of 3, 0 and 2 tokens in two documents."""
    lengths = [3, 0, 2] if lengths is None else lengths
    offsets = [0, 6, 6] if offsets is None else offsets
    documents = [0, 1, 3] if documents is None else documents
    n = len(lengths) if sequences is None else sequences
    d = len(documents) if boundaries is None else boundaries
    head = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, n, d)
    return (
        head
        + struct.pack(f"<{len(lengths)}i", *lengths)
        + struct.pack(f"<{len(offsets)}q{len(documents)}q", *offsets, *documents)
    )


def dataset(index: bytes, tokens: bytes = bytes(10)) -> Make:
    def make(folder: Path) -> None:
        put("x.idx", index)(folder)
        put("x.bin", tokens)(folder)

    return make


def sparse(size: int) -> Make:
    """An index of that many bytes, all of them counts, lengths and offsets of 0 but the header."""

    def make(folder: Path) -> None:
        sequences = (size - 34 - 8) // 12
        dataset(idx([], [], [], sequences, 1))(folder)
        with open(folder / "x.idx", "r+b") as file:
            file.truncate(34 + 12 * sequences + 8)

    return make


def dataset_rows() -> Iterator[Case]:
    index, tokens = "x.idx", "x.bin"
    yield Case("data.empty", "an empty index", dataset(b""), CHECK, 3, index, "does not begin with")
    yield Case("data.text", "text", dataset(b"text"), LIST, 3, index, "does not begin with MMIDIDX")
    cut = dataset(idx()[:33])
    yield Case("data.cut", "a header of 33 bytes", cut, LIST, 3, index, "33 bytes long")
    many = dataset(idx(sequences=2**60))
    yield Case("data.many", "2^60 sequences", many, CHECK, 3, index, "1152921504606846976 sequences")
    wraps = dataset(idx(sequences=0x1555555555555555))
    yield Case("data.wraps", "12 n wraps around", wraps, CHECK, 3, index, "take 12 bytes each")
    bounds = dataset(idx(boundaries=2**61))
    yield Case("data.bounds", "2^61 boundaries", bounds, CHECK, 3, index, "document boundaries")
    none = dataset(idx(documents=[], boundaries=0))
    yield Case("data.none", "no boundary", none, CHECK, 3, index, "0 document boundaries")
    negative = dataset(idx(lengths=[3, -1, 2]))
    yield Case("data.negative", "a length of -1", negative, CHECK, 3, index, "has -1 tokens")
    before = dataset(idx(offsets=[-8, 6, 6]))
    yield Case("data.before", "an offset of -8", before, MERGE, 3, index, "begins at byte -8")
    beyond = dataset(idx(offsets=[0, 6, 2**63 - 2]))
    yield Case("data.beyond", "an end that overflows", beyond, MERGE, 3, index, "begins at byte 92233")
    huge = dataset(idx(lengths=[3, 0, 2**31 - 1]))
    yield Case("data.huge", "2^31 - 1 tokens", huge, MERGE, 3, tokens, "is short: 10 bytes")
    backwards = dataset(idx(documents=[0, 3, 1, 3]))
    yield Case("data.backwards", "documents go back", backwards, CHECK, 3, index, "after 3 and with")
    sized = dataset(idx(code=5))
    yield Case("data.sized", "int64 over uint16", sized, CHECK, 3, tokens, "is short: 10 bytes")
    floats = dataset(idx(code=7, offsets=[0, 12, 12]), bytes(20))
    yield Case("data.floats", "float32 tokens", floats, CHECK, 3, index, "which are no tokens")
    overlap = dataset(idx(offsets=[0, 0, 0]))
    yield Case("data.overlap", "one token many times", overlap, CHECK, 3, index, "begins at byte 0")
    large = sparse(100_000_000)
    yield Case("data.large", "100 MB of zeros", large, CHECK, 3, index, "ends with sequence 0")
