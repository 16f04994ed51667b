"""A folder with the models that the examples and transcripts name, made of the golden toys."""

import atexit
import functools
import json
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def make(folder: Path, binary: Path) -> None:
    """Fills a folder with what the examples name: models, checkpoints, a Hub cache, an export."""
    shutil.copytree(template(binary), folder, symlinks=True, dirs_exist_ok=True)


@functools.cache
def template(binary: Path) -> Path:
    """The same, made once."""
    temporary = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, temporary)
    folder = Path(temporary)
    shutil.copytree(GOLDEN / "llama" / "hf", folder / "Llama-3.2-1B")
    # One that Megatron Bridge wrote, which does not say its family, and one of ours.
    shutil.copytree(GOLDEN / "llama" / "megatron", folder / "checkpoints" / "trained")
    made = run("bascule import Llama-3.2-1B checkpoints/llama --quiet", binary, folder)
    if made.returncode != 0:
        raise RuntimeError(made.stderr)
    (folder / "datasets").mkdir()
    for dataset, name in (("a", "wiki"), ("c", "books")):
        for end in ("bin", "idx"):
            shutil.copy(GOLDEN / "data" / f"{dataset}.{end}", folder / "datasets" / f"{name}.{end}")
    (folder / "runs" / "llama").mkdir(parents=True)
    rows = [f'{{"step": {step}, "loss": {9 - step}, "lr": 0.1}}\n' for step in range(1, 5)]
    (folder / "runs" / "llama" / "metrics.jsonl").write_text("".join(rows))
    (folder / "exported" / "old").mkdir(parents=True)
    (folder / "exported" / "old" / "config.json").write_text("{}")
    hub = folder / "cache" / "hub" / "models--meta-llama--Llama-3.2-1B"
    snapshot = hub / "snapshots" / REVISION
    for each in ("blobs", "refs"):
        (hub / each).mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (hub / "refs" / "main").write_text(REVISION)
    for number, file in enumerate(sorted((GOLDEN / "llama" / "hf").iterdir())):
        shutil.copy(file, hub / "blobs" / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    return folder


@functools.cache
def alone(binary: Path) -> Path:
    """The program in a folder of its own, where it finds no engine that was built beside it."""
    temporary = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, temporary)
    copy = Path(temporary) / "bin" / "bascule"
    copy.parent.mkdir()
    try:
        copy.hardlink_to(binary)
    except OSError:  # on another file system
        shutil.copy(binary, copy)
    return copy


def add_engine(folder: Path) -> None:
    """Puts a bascule-engine on PATH that prints its words, one a line."""
    engine = folder / "bin" / "bascule-engine"
    engine.parent.mkdir(exist_ok=True)
    engine.write_text("#!/bin/sh\nprintf 'engine: %s\\n' \"$@\"\n")
    engine.chmod(0o755)


def add_python(folder: Path) -> None:
    """Puts a python3 on PATH that says what bascule.data says, and makes the dataset of a copy."""
    python = folder / "bin" / "python3"
    python.parent.mkdir(exist_ok=True)
    python.write_text(
        "#!/bin/sh\n"
        'for end in bin idx; do cp "datasets/wiki.$end" "$5.$end"; done\n'
        "cat <<END\n"
        '{"note": "told: $4 $5"}\n'
        '{"phase": "tokenizing", "bytes": 10}\n'
        '{"advance": 10}\n'
        '{"warn": "2 rows were left out"}\n'
        '{"made": ["$5"]}\n'
        "END\n"
    )
    python.chmod(0o755)


def grow_vocabulary(model: Path, rows: int) -> None:
    """Makes a toy large: its vocabulary takes hundreds of megabytes, and its file is a hole."""
    config = json.loads((model / "config.json").read_text())
    few = config["vocab_size"]
    config["vocab_size"] = rows
    (model / "config.json").write_text(json.dumps(config))
    file = model / "model.safetensors"
    size = struct.unpack("<Q", file.read_bytes()[:8])[0]
    header = json.loads(file.read_bytes()[8 : 8 + size])
    metadata = header.pop("__metadata__", None)
    offset = 0
    for entry in header.values():
        start, end = entry["data_offsets"]
        length = end - start
        if entry["shape"][0] == few:
            length = length // few * rows
            entry["shape"][0] = rows
        entry["data_offsets"] = [offset, offset := offset + length]
    text = json.dumps(({"__metadata__": metadata} if metadata else {}) | header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    with file.open("r+b") as grown:
        grown.truncate(8 + len(text) + offset)


def environment(binary: Path, folder: Path) -> dict[str, str]:
    """What a command sees: no home, no cache but ours, `bascule` on PATH."""
    return {
        "PATH": f"{alone(binary).parent}:{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "HF_HOME": str(folder / "cache"),
        "GOLDEN": str(GOLDEN),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }


def run(command: str, binary: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in the folder."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(binary, folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def contents(folder: Path) -> dict[str, tuple[int, int] | None]:
    """Every path below with size and time of change (files), to see what a command touched."""
    found: dict[str, tuple[int, int] | None] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        is_file = path.is_file() or path.is_symlink()
        found[str(path.relative_to(folder))] = (
            (status.st_size, status.st_mtime_ns) if is_file else None
        )
    return found
