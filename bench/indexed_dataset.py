"""Writes Megatron's indexed dataset of one document (docs/formats/indexed_dataset.md)."""

import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

INT32 = 4  # the format's code of its tokens


def write(prefix: Path, tokens: Iterable[int]) -> None:
    data = array("i", tokens)
    Path(f"{prefix}.bin").write_bytes(data.tobytes())
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, INT32, 1, 2)
    Path(f"{prefix}.idx").write_bytes(header + struct.pack("<iqqq", len(data), 0, 0, 1))
