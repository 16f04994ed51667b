#!/usr/bin/env python3
"""Times import and export against copying the same files, and against the real Megatron Bridge.

    bench/convert.py                     Llama-3.2-1B's size, random weights, page cache hot
    bench/convert.py --peer              and Megatron Bridge on this CPU (scripts/python_env.sh)
    bench/convert.py --size 8b --cold    Llama-3.1-8B's size, read from the disk

Prints a Markdown table. Runs are interleaved, so that a machine that slows down does so for all;
each starts without dirty pages and with its target absent. `cp` is `cp -r`, `cp + sync` adds the
`sync -f` that makes the copy durable, as ours always is.
"""

import argparse
import json
import mmap
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contender import ROOT, Contender, interleave, run

# What the project promises of the 1B's size, as ratios of medians.
REACH = {"--no-verify / (cp + sync)": 1.3, "verified / (cp + sync)": 2.0, "peer / verified": 12.0}


def timed(
    commands: Callable[[Path], list[list[str]]],
    prepare: Callable[[], None],
    target: Path,
    log: Path,
) -> Callable[[], tuple[float, int]]:
    """A contender's work: its commands for a target, timed together."""

    def work() -> tuple[float, int]:
        prepare()
        shutil.rmtree(target, ignore_errors=True)
        os.sync()  # dirty pages of the run before would be paid by this one
        took = [run(command, log) for command in commands(target)]
        return sum(seconds for seconds, _ in took), max(peak for _, peak in took)

    return work


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def heat(folder: Path) -> None:
    """Brings every byte into the page cache."""
    buffer = bytearray(1 << 20)
    for path in files(folder):
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def chill(folder: Path) -> None:
    """Drops every page of the files from the page cache."""
    os.sync()
    for path in files(folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def touch_memory() -> None:
    """Writes to most of the free memory once: a virtual machine gets its pages at first touch."""
    child = os.fork()
    if child == 0:
        size = int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 0.85)
        with mmap.mmap(-1, size) as memory:
            for page in range(0, size, mmap.PAGESIZE):
                memory[page] = 1
        os._exit(0)
    os.waitpid(child, 0)


def copying(source: Path) -> Callable[[Path], list[list[str]]]:
    return lambda target: [["cp", "-r", str(source), str(target)]]


def copying_durably(source: Path) -> Callable[[Path], list[list[str]]]:
    return lambda target: [["cp", "-r", str(source), str(target)], ["sync", "-f", str(target)]]


def converting(
    binary: Path, verb: str, source: Path, *options: str
) -> Callable[[Path], list[list[str]]]:
    return lambda target: [[str(binary), verb, str(source), str(target), *options]]


def bridging(work: Path, verb: str, source: Path, hf: Path) -> Callable[[Path], list[list[str]]]:
    """The real Megatron Bridge, in a process of its own as a user would start it."""

    def commands(target: Path) -> list[list[str]]:
        job = {"id": verb, "action": verb, "hf": str(hf)}
        job |= {"checkpoint": str(source), "out": str(target)} if verb == "export" else {}
        job |= {"checkpoint": str(target)} if verb == "import" else {}
        jobs, results = work / "jobs.json", work / "results.jsonl"
        jobs.write_text(json.dumps([job]))
        results.unlink(missing_ok=True)
        # A job that raises is a result of its own, so the exit status alone says nothing.
        return [
            [str(ROOT / ".venv/bin/python"), "-m", "oracle.peers", str(jobs), str(results)],
            ["grep", "-qv", '"error":', str(results)],
        ]

    return commands


def size_text(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def table(step: str, contenders: list[Contender], weights: int) -> list[str]:
    durable = next(c for c in contenders if c.name.startswith("cp -r + sync"))
    lines = []
    for c in contenders:
        lines.append(
            f"| {step} | {c.name} | {c.spread(2)} | {weights / c.median / 1e9:.2f} "
            f"| {c.median / durable.median:.2f} | {size_text(c.peak)} |"
        )
    return lines


def ratios(contenders: list[Contender]) -> dict[str, float]:
    by_name = {c.name: c.median for c in contenders}
    durable, plain, checked = (by_name[name] for name in (SYNCED, UNVERIFIED, VERIFIED))
    found = {
        "--no-verify / (cp + sync)": plain / durable,
        "verified / (cp + sync)": checked / durable,
    }
    if PEER in by_name:
        found["peer / verified"] = by_name[PEER] / checked
    return found


COPY, SYNCED, UNVERIFIED = "cp -r", "cp -r + sync -f", "bascule --no-verify"
VERIFIED, PEER = "**bascule**, verified", "Megatron Bridge 0.3.1"


def machine(folder: Path) -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True
    ).stdout.strip()
    return (
        f"{os.cpu_count()} × {model}, {memory / 1e9:.0f} GB of memory, {kind}, "
        f"Linux {platform.release()}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", choices=("120m", "1b", "8b"), default="1b")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="drop the source from the page cache")
    parser.add_argument("--peer", action="store_true", help="also time Megatron Bridge")
    parser.add_argument("--peer-runs", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="fail when a reach is missed")
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/bascule")
    parser.add_argument("--work", type=Path, default=ROOT / "build/bench")
    given = parser.parse_args()
    work, binary = given.work.resolve(), given.binary.resolve()
    if not binary.exists():
        sys.exit(f"{binary} is missing: cmake --preset release && cmake --build --preset release")
    work.mkdir(parents=True, exist_ok=True)
    log, source, target = work / "log.txt", work / f"hf-{given.size}", work / "target"
    checkpoint = work / f"megatron-{given.size}"
    for folder in (source, checkpoint, target):
        shutil.rmtree(folder, ignore_errors=True)
    generator = ["python3", str(ROOT / "tools/random_model.py"), str(source), "--size", given.size]
    run(generator, log)
    weights = sum(path.stat().st_size for path in source.glob("*.safetensors"))
    run([str(binary), "import", str(source), str(checkpoint)], log)
    run([str(binary), "verify", str(source), str(checkpoint)], log)
    touch_memory()

    lines, missed = [], []
    for verb, origin in (("import", source), ("export", checkpoint)):
        ways = {
            COPY: copying(origin),
            SYNCED: copying_durably(origin),
            UNVERIFIED: converting(binary, verb, origin, "--no-verify"),
            VERIFIED: converting(binary, verb, origin),
        }
        if given.peer:
            ways[PEER] = bridging(work, verb, origin, source)
        prepare = partial(chill if given.cold else heat, origin)
        contenders = [
            Contender(
                name,
                given.peer_runs if name == PEER else given.runs,
                timed(commands, prepare, target, log),
            )
            for name, commands in ways.items()
        ]
        print(f"{verb}:", file=sys.stderr)
        interleave(contenders)
        lines += table(verb, contenders, weights)
        for name, ratio in ratios(contenders).items():
            good = ratio >= REACH[name] if name.startswith("peer") else ratio <= REACH[name]
            print(f"{verb}: {name} = {ratio:.2f}, reach {REACH[name]}", file=sys.stderr)
            if not good:
                missed.append(f"{verb}: {name} is {ratio:.2f}, its reach {REACH[name]}")
    state = "cold" if given.cold else "page cache hot"
    command = " ".join(["bench/convert.py", *sys.argv[1:]])
    print(f"\n`{command}`: {size_text(weights)} of bf16 ({given.size}), {state}, medians of")
    print(f"{given.runs} interleaved runs (and their range), on {machine(work)}.\n")
    print("| step | tool | seconds | GB/s | × (cp + sync) | peak memory |")
    print("|---|---|---:|---:|---:|---:|")
    print("\n".join(lines))
    for folder in (source, checkpoint, target):
        shutil.rmtree(folder, ignore_errors=True)
    print(
        "\n".join(f"missed: {text}" for text in missed), file=sys.stderr, end="\n" if missed else ""
    )
    return 1 if missed and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
