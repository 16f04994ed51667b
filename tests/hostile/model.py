"""Making a model or checkpoint that lies: a copy of the golden Llama with one thing changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "llama"
ITERATION = "megatron/iter_0000000"

# What makes a case: fills a folder that holds nothing, with `hf` or `megatron` below it.
Make = Callable[[Path], None]


def hf(change: Make) -> Make:
    """The Hugging Face directory, then what `change` does to it."""

    def make(folder: Path) -> None:
        shutil.copytree(GOLDEN / "hf", folder / "hf")
        change(folder / "hf")

    return make


def megatron(change: Make) -> Make:
    """The Megatron checkpoint, then what `change` does to its iteration's directory."""

    def make(folder: Path) -> None:
        shutil.copytree(GOLDEN / "megatron", folder / "megatron")
        change(folder / ITERATION)

    return make


def put(name: str, data: bytes | str) -> Make:
    """A file with these bytes."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)

    return change


def text(name: str, old: str, new: str) -> Make:
    """The one occurrence of a text replaced."""

    def change(folder: Path) -> None:
        before = (folder / name).read_text()
        assert before.count(old) == 1, f"{old!r} is {before.count(old)} times in {name}"
        (folder / name).write_text(before.replace(old, new))

    return change


def config(**keys: Any) -> Make:
    """config.json with keys replaced or added."""

    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return hf(change)


def config_text(old: str, new: str) -> Make:
    return hf(text("config.json", old, new))


def run_config(old: str, new: str) -> Make:
    return megatron(text("run_config.yaml", old, new))


def also(*changes: Make) -> Make:
    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def ours(name: str, data: str) -> Make:
    """A file of bascule's own in a Megatron checkpoint."""
    return megatron(put(f"bascule/{name}", data))
