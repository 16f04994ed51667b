"""Safetensors files that lie: headers changed as values, as text and as bytes."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from model import GOLDEN, Make, hf, put

NAME = "model.safetensors"
EMBED = "model.embed_tokens.weight"
NORM = "model.norm.weight"
Header = dict[str, Any]


def _golden() -> tuple[bytes, bytes]:
    data = (GOLDEN / "hf" / NAME).read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    return data[8:end], data[end:]


def file(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A file; its first number is the header's length unless another is given."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def raw(header: bytes | str, data: bytes = b"", length: int | None = None) -> Make:
    header = header.encode() if isinstance(header, str) else header
    return hf(put(NAME, file(header, data, length)))


def header(change: Callable[[Header], None]) -> Make:
    """The golden file, its header changed as a value."""
    text, data = _golden()
    value = json.loads(text)
    change(value)
    return raw(json.dumps(value, separators=(",", ":")), data)


def entry(**keys: Any) -> Make:
    """One tensor's entry with keys replaced."""
    return header(lambda value: value[NORM].update(keys))


def gap() -> Make:
    """The first tensor of the file is not in its header."""

    def change(value: Header) -> None:
        tensors = [name for name in value if name != "__metadata__"]
        del value[min(tensors, key=lambda name: value[name]["data_offsets"])]

    return header(change)


def spelled(old: str, new: str) -> Make:
    """The golden file, the one occurrence of a text in its header replaced."""
    text, data = _golden()
    assert text.count(old.encode()) == 1, old
    return raw(text.replace(old.encode(), new.encode()), data)


def bytes_(change: Callable[[bytes], bytes]) -> Make:
    def change_file(folder: Path) -> None:
        (folder / NAME).write_bytes(change((folder / NAME).read_bytes()))

    return hf(change_file)


def borders() -> Iterator[tuple[str, int]]:
    """The borders of a file's structures, each with what would follow it."""
    text, data = _golden()
    begin = 8 + len(text)
    yield "the header's length", 0
    yield "half of the header's length", 4
    yield "the header", 8
    yield "half of the header", 8 + len(text) // 2
    yield "the data", begin
    offsets = sorted(e["data_offsets"][0] for e in json.loads(text).values() if "dtype" in e)
    yield "the second tensor", begin + offsets[1]
    yield "the last tensor", begin + offsets[-1]
    yield "the last byte", begin + len(data) - 1


def many(count: int, name: str = "t") -> Make:
    """A header of so many entries without data."""
    rest = '":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return raw("{" + ",".join(f'"{name}{i:06}{rest}' for i in range(count)) + "}")


def index(weight_map: str, rest: str = "") -> Make:
    """The golden weights as one shard, with an index of this text."""

    def change(folder: Path) -> None:
        (folder / NAME).rename(folder / "model-00001-of-00001.safetensors")
        text = f'{{"metadata":{{"total_size":510912}},"weight_map":{weight_map}{rest}}}'
        (folder / f"{NAME}.index.json").write_text(text)

    return hf(change)


def second_shard(change: Callable[[Header], None]) -> Make:
    """The golden weights as two shards; the second holds NORM, and its header is changed."""
    text, data = _golden()
    first = json.loads(text)
    first.pop("__metadata__", None)
    second = {NORM: first.pop(NORM)}
    begin, end = second[NORM]["data_offsets"]
    for entry_ in first.values():
        entry_["data_offsets"] = [at - (end - begin) * (at >= end) for at in entry_["data_offsets"]]
    second[NORM]["data_offsets"] = [0, end - begin]
    change(second)

    def make(folder: Path) -> None:
        (folder / NAME).unlink()
        parts = ((first, data[:begin] + data[end:]), (second, data[begin:end]))
        weight_map = {}
        for number, (header_, bytes__) in enumerate(parts, 1):
            name = f"model-{number:05}-of-00002.safetensors"
            (folder / name).write_bytes(file(json.dumps(header_).encode(), bytes__))
            weight_map |= dict.fromkeys(header_, name)
        put(f"{NAME}.index.json", json.dumps({"weight_map": weight_map}))(folder)

    return hf(make)


def mapped(**other: str) -> Make:
    """The true index, with these entries replaced or added."""
    text, _ = _golden()
    names = [name for name in json.loads(text) if name != "__metadata__"]
    return index(json.dumps(dict.fromkeys(names, "model-00001-of-00001.safetensors") | other))
