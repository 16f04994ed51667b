"""Writes a safetensors file as a stream, with the standard library only.

The example's converter, the benchmark and the bad-day tests make their inputs with it; the real
`safetensors` package reads the files back in the tests, so this writer is no second authority.
"""

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

ELEMENT_BYTES = {"BF16": 2, "F16": 2, "F32": 4}


@dataclass(frozen=True)
class Tensor:
    """A tensor to write: `data` is called once and yields its bytes in row-major order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: Callable[[], Iterable[bytes]]

    @property
    def size(self) -> int:
        return prod(self.shape) * ELEMENT_BYTES[self.dtype]


def write(path: Path, tensors: list[Tensor]) -> int:
    """Writes `tensors` in the given order and returns the file's size."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.size],
        }
        offset += tensor.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            written = sum(file.write(piece) for piece in tensor.data())
            if written != tensor.size:
                raise ValueError(f"{tensor.name}: {written} bytes, its shape needs {tensor.size}")
        return file.tell()
