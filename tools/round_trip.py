#!/usr/bin/env python3
"""Takes a Hugging Face directory to Megatron and back, verifying both ways, and prints a table.

    round_trip.py HF_DIR WORK_DIR --binary build/release/bascule

Writes WORK_DIR/NAME-megatron and WORK_DIR/NAME-huggingface. A second run skips the writing that is
done, unless the source changed, and verifies again. Standard library only; peak memory is what the
kernel counted for the child.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

WEIGHTS = (".safetensors", ".distcp")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    step: str
    what: str
    bytes: int
    seconds: float
    peak: int
    result: str


def weight_bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.suffix in WEIGHTS and p.is_file())


def fingerprint(folder: Path) -> list[list[str | int]]:
    """Names, sizes and times of the files: enough to see that a source changed."""
    files = sorted(p for p in folder.iterdir() if p.is_file())
    return [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files]


def run(command: list[str]) -> tuple[int, float, int]:
    """Runs a command on our own terminal; returns its exit status, seconds and peak memory."""
    print("\n$ " + " ".join(command), flush=True)
    start = time.monotonic()
    child = subprocess.Popen(command)
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except KeyboardInterrupt:  # the terminal sent it to the child as well: let that clean up
        _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    return (128 - code if code < 0 else code), time.monotonic() - start, usage.ru_maxrss * 1024


def short(path: Path) -> Path:
    """Spells a path from the current folder, if it lies inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def table(rows: list[Row]) -> str:
    head = ("step", "what", "bytes", "seconds", "GB/s", "peak memory", "result")
    cells = [
        (
            r.step,
            r.what,
            size(r.bytes),
            f"{r.seconds:.2f}",
            f"{r.bytes / r.seconds / 1e9:.2f}",
            size(r.peak),
            r.result,
        )
        for r in rows
    ]
    widths = [max(len(row[i]) for row in [head, *cells]) for i in range(len(head))]
    left = (0, 1, 6)  # words to the left, numbers to the right

    def line(row: tuple[str, ...]) -> str:
        return "  ".join(
            c.ljust(w) if i in left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()

    return "\n".join([line(head), "  ".join("─" * w for w in widths), *map(line, cells)])


def journey(source: Path, work: Path, binary: Path) -> int:
    """Runs the four steps; returns the first exit status that is not 0."""
    megatron, back = (work / f"{source.name}-{end}" for end in ("megatron", "huggingface"))
    record = work / f"{source.name}.steps.json"
    work.mkdir(parents=True, exist_ok=True)
    done = json.loads(record.read_text()) if record.exists() else {}
    if done.get("source") != [str(source.resolve()), fingerprint(source)]:
        done = {"source": [str(source.resolve()), fingerprint(source)]}
    total = weight_bytes(source)
    rows: list[Row] = []

    def write(verb: str, what: str, origin: Path, target: Path, marker: str) -> int:
        if verb in done and (target / marker).exists():
            print(f"\n{verb}: done before, {target}")
            rows.append(Row(**done[verb] | {"result": "done before"}))
            return 0
        done.pop("export", None)  # it is only as new as its import
        done.pop(verb, None)
        overwrite = ["--overwrite"] if target.exists() else []
        code, seconds, peak = run([str(binary), verb, str(origin), str(target), *overwrite])
        row = Row(
            verb,
            what,
            total,
            seconds,
            peak,
            f"failed, exit {code}" if code else "written, verified",
        )
        rows.append(row)
        if code == 0:
            done[verb] = asdict(row)
            record.write_text(json.dumps(done, indent=1))
        return code

    def verify(what: str, left: Path, right: Path) -> int:
        code, seconds, peak = run([str(binary), "verify", str(left), str(right)])
        result = {0: "equal", 4: "DIFFERENT"}.get(code, f"failed, exit {code}")
        rows.append(
            Row("verify", what, weight_bytes(left) + weight_bytes(right), seconds, peak, result)
        )
        return code

    code = (
        write(
            "import",
            "Hugging Face → Megatron",
            source,
            megatron,
            "latest_checkpointed_iteration.txt",
        )
        or verify("Hugging Face = Megatron", source, megatron)
        or write("export", "Megatron → Hugging Face", megatron, back, "config.json")
        or verify("Hugging Face = exported", source, back)
    )
    print("\n" + table(rows))
    print(f"\nMegatron checkpoint     {megatron}\nHugging Face, exported  {back}")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="HF_DIR")
    parser.add_argument("work", type=Path, metavar="WORK_DIR")
    parser.add_argument("--binary", type=Path, required=True)
    arguments = parser.parse_args()
    source = arguments.source.resolve()
    free, need = shutil.disk_usage(arguments.work.parent).free, 2 * weight_bytes(source)
    if free < need and not arguments.work.exists():
        print(
            f"round_trip: {arguments.work} needs {size(need)}, {size(free)} are free",
            file=sys.stderr,
        )
        return 6
    return journey(short(source), arguments.work, arguments.binary)


if __name__ == "__main__":
    sys.exit(main())
