"""Pickles that lie: .metadata as Python objects, without torch, and pickles put together by hand."""

import io
import itertools
import pickle
import pickletools
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from archives import Archive, torch_archive
from model import GOLDEN, ITERATION, Make, megatron, put

METADATA = ".metadata"
FILE = "__0_0.distcp"
TENSOR = "decoder.final_layernorm.weight"
OBJECT = "decoder.layers.mlp.linear_fc1._extra_state/shard_0_3"


class Plain:
    """Any class of torch: what __init__ and __setstate__ were given, and given back."""

    args: tuple[Any, ...] | None = None

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)
        else:
            self.state = state

    def __reduce__(self) -> Any:
        if self.args is not None:
            return type(self), self.args
        given = self.__dict__.get("state", self.__dict__)
        return pickle_new, (type(self),), given

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(str(self.__dict__))


def pickle_new(cls: type) -> Any:
    return cls.__new__(cls)


class Modules(ModuleType):
    """A module of torch whose every name is a class of its own."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Plain,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


for _name in ("torch", "torch._utils", "torch.serialization", "torch.distributed",
              "torch.distributed.checkpoint", "torch.distributed.checkpoint.metadata",
              "torch.distributed.checkpoint.filesystem"):  # fmt: skip
    sys.modules[_name] = Modules(_name)
torch = sys.modules["torch"]


class Writer(pickle._Pickler):  # the one in Python, so that objects can be written as torch's are
    def persistent_id(self, value: Any) -> Any:
        return value.args if isinstance(value, Storage) else None

    def save_reduce(self, func: Any, args: Any, state: Any = None, *rest: Any, **more: Any) -> None:
        if func is not pickle_new:
            return super().save_reduce(func, args, state, *rest, **more)
        self.save(args[0])
        self.save(())
        self.write(pickle.NEWOBJ)
        self.memoize(more["obj"])
        if state:
            self.save(state)
            self.write(pickle.BUILD)


class Storage(Plain):
    """A persistent id: ("storage", class, key, "cpu", elements)."""


def dumps(value: Any) -> bytes:
    out = io.BytesIO()
    Writer(out, protocol=2).dump(value)
    return out.getvalue()


def golden_metadata() -> Any:
    return pickle.loads((GOLDEN / "megatron/iter_0000000" / METADATA).read_bytes())


def size(*numbers: int) -> Plain:
    made: Plain = torch.Size(numbers)
    return made


def metadata(change: Callable[[Any], None]) -> Make:
    """The golden checkpoint, its .metadata changed as a value."""

    def make(folder: Path) -> None:
        value = golden_metadata()
        change(value)
        megatron(put(METADATA, dumps(value)))(folder)

    return make


def raw(data: bytes) -> Make:
    return megatron(put(METADATA, data))


def places(value: Any, name: str = TENSOR) -> list[Any]:
    """Where the chunks of a tensor are stored."""
    return [info for index, info in value.storage_data.items() if index.fqn == name]


def place(name: str = TENSOR, **fields: Any) -> Make:
    """The first chunk's place with fields replaced."""
    return metadata(lambda value: places(value, name)[0].__dict__.update(fields))


def chunk(**fields: Any) -> Make:
    """The first chunk of the tensor with fields replaced."""
    return metadata(
        lambda value: value.state_dict_metadata[TENSOR].chunks[0].__dict__.update(fields)
    )


def blob(data: bytes) -> Make:
    """The golden checkpoint, the tensor's one chunk in this archive instead."""

    def make(folder: Path) -> None:
        value = golden_metadata()
        file = GOLDEN / ITERATION / FILE
        places(value)[0].__dict__.update(
            relative_path=FILE, offset=file.stat().st_size, length=len(data)
        )
        megatron(put(METADATA, dumps(value)))(folder)
        with open(folder / ITERATION / FILE, "ab") as out:
            out.write(data)

    return make


def archive(change: Callable[[Archive], None]) -> Make:
    """The tensor's archive with something changed."""
    made = torch_archive(saved(), s0=bytes(192))
    change(made)
    return blob(made.bytes())


def saved(
    shape: tuple[int, ...] = (96,),
    strides: tuple[int, ...] = (1,),
    kind: str = "BFloat16Storage",
    key: str = "0",
    elements: int = 96,
    offset: int = 0,
    function: str = "_rebuild_tensor_v2",
) -> bytes:
    """The data.pkl of a tensor."""
    storage = Storage("storage", getattr(torch, kind), key, "cpu", elements)
    rebuild = getattr(sys.modules["torch._utils"], function)
    return dumps(rebuild(storage, offset, shape, strides, False, {}))


def tensor(**fields: Any) -> Make:
    """The tensor's archive, its pickle saying something else."""
    return blob(torch_archive(saved(**fields), s0=bytes(192)).bytes())


def common(value: bytes) -> Make:
    """A common.pt of this pickle."""
    return megatron(put("common.pt", torch_archive(value).bytes()))


def arguments(value: Any) -> Make:
    """A checkpoint whose `args` in common.pt, and no run_config.yaml, say what the model is."""

    def make(folder: Path) -> None:
        common(dumps({"args": value}))(folder)
        (folder / ITERATION / "run_config.yaml").unlink()

    return make


def opcode_borders() -> Iterator[tuple[str, int]]:
    """Where the first opcode of each kind ends in .metadata, with its name."""
    data = dumps(golden_metadata())
    seen: set[str] = set()
    operations = list(pickletools.genops(data))
    for (opcode, _, _), (_, _, end) in itertools.pairwise(operations):
        if opcode.name not in seen and end is not None:
            seen.add(opcode.name)
            yield opcode.name, end


def truncated(end: int) -> Make:
    return lambda folder: raw(dumps(golden_metadata())[:end])(folder)


def call(module: str, name: str, *args: str) -> bytes:
    """A pickle that would call a function."""
    texts = b"".join(b"X" + struct.pack("<I", len(a)) + a.encode() for a in args)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + texts + b"tR."


def laughs(levels: int) -> bytes:
    """A list of ten lists of ten lists ... in a few bytes."""
    out = b"\x80\x02]q\x00"
    for level in range(1, levels):
        out += b"0](" + bytes([ord("h"), level - 1]) * 10 + b"eq" + bytes([level])
    return out + b"."


class Called:
    """A call of any function, by its name."""

    def __init__(self, module: str, name: str, *args: str) -> None:
        self.parts = (module, name, args)

    def __reduce__(self) -> Any:
        module, name, args = self.parts
        sys.modules.setdefault(f"hostile_{module}", Modules(f"hostile_{module}"))
        return getattr(sys.modules[f"hostile_{module}"], name), args


def rename(old: str, new: str) -> Make:
    """A tensor or object under another name."""

    def change(value: Any) -> None:
        value.state_dict_metadata[new] = value.state_dict_metadata.pop(old)
        for index in value.storage_data:
            if index.fqn == old:
                index.fqn = new

    return metadata(change)
