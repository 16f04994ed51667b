#!/usr/bin/env python3
"""Peak resident memory stays in its budget, whatever the model: not timed, only measured.

    run.py --binary build/release/bascule [-k PATTERN]

Each case imports, verifies and exports a random model and asks the kernel for the highest resident
memory of each process. The case "shards" compares a model in one file with one in eight. Standard
library only.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GENERATOR = Path(__file__).parents[2] / "tools/random_model.py"
MB, MIB = 10**6, 2**20


@dataclass(frozen=True)
class Case:
    """A model of tools/random_model.py, options, and the bytes that no process may exceed."""

    size: str
    options: tuple[str, ...]
    limit: int
    too_little: str = ""  # a --memory that its tensors alone exceed

    @property
    def name(self) -> str:
        return " ".join((self.size, *self.options))


CASES = (
    Case("120m", (), 150 * MB),
    Case("120m", ("--memory", "64M"), 64 * MIB),
    Case("mixture", (), 150 * MB, "64M"),  # 71,000 tensors: what is large is not the data
)


def peak(command: list[str | Path]) -> int:
    """Runs it and returns its highest resident memory in bytes; raises when it fails.

    A new process counts what its parent had at that moment, so this one must stay small.
    """
    child = os.posix_spawnp(str(command[0]), [str(word) for word in command], os.environ)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise AssertionError(f"exit {code}: {' '.join(map(str, command))}")
    return used.ru_maxrss * 1024


def runs(case: Case, binary: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """What each verb took."""
    hf, megatron, exported = folder / "hf", folder / "megatron", folder / "exported"
    subprocess.run([sys.executable, GENERATOR, hf, "--size", case.size], check=True)
    size = sum(path.stat().st_size for path in hf.glob("*.safetensors"))
    if case.limit >= size:
        raise AssertionError(f"the model's {size} bytes fit the limit, which so proves nothing")
    for verb, *paths in (
        ("import", hf, megatron),
        ("verify", hf, megatron),
        ("verify", megatron),
        ("export", megatron, exported),
        ("verify", exported, hf),
    ):
        what = f"{verb} {' '.join(path.name for path in paths)}"
        yield what, peak([binary, verb, *paths, "--quiet", *case.options])


def refuse(case: Case, binary: Path, folder: Path) -> None:
    """What does not fit is an error with both numbers, and the value that it gives is enough."""
    hf, megatron = folder / "hf", folder / "megatron"
    for verb, *paths in (
        ("import", hf, folder / "other"),
        ("export", megatron, folder / "other"),
        ("verify", hf, megatron),
    ):
        command = [binary, verb, *paths, "--quiet", "--memory", case.too_little]
        done = subprocess.run(command, capture_output=True, text=True)
        said = re.search(
            r"its \d+ tensors take (\d+) MiB of memory, but --memory allows 64 MiB; "
            r"pass --memory (\d+)M$",
            done.stderr,
            re.MULTILINE,
        )
        if done.returncode != 2 or not said or (folder / "other").exists():
            raise AssertionError(f"{verb}: exit {done.returncode}: {done.stderr}")
    enough = int(said[2])
    used = peak([binary, "verify", hf, megatron, "--quiet", "--memory", f"{enough}M"])
    if used >= enough * MIB:
        raise AssertionError(f"--memory {enough}M was said to be enough, but it took {used} bytes")


def peak_of_export(binary: Path, folder: Path, shards: int) -> int:
    """What the export of a model of so many files took."""
    hf, megatron, exported = (folder / f"{name}{shards}" for name in ("hf", "megatron", "exported"))
    command = [sys.executable, GENERATOR, hf, "--size", "220m", "--shards", str(shards)]
    subprocess.run(command, check=True)
    peak([binary, "import", hf, megatron, "--quiet", "--no-verify"])
    return peak([binary, "export", megatron, exported, "--quiet", "--no-verify"])


def check_shards(binary: Path, folder: Path) -> str:
    """How many files a model is in does not show in the memory that it takes: both numbers."""
    one, eight = (peak_of_export(binary, folder, shards) for shards in (1, 8))
    said = f"export of 1 shard: {one / MB:.1f} MB, of 8: {eight / MB:.1f} MB"
    if abs(eight - one) > 0.1 * one:
        raise AssertionError(said)
    return said


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("-k", dest="pattern", default="", help="only cases whose name holds it")
    given = parser.parse_args()
    passed = failed = 0
    for case in CASES:
        if given.pattern not in case.name:
            continue
        with tempfile.TemporaryDirectory(prefix="memory.", dir=Path.cwd() / "build") as folder:
            try:
                for what, used in runs(case, given.binary.resolve(), Path(folder)):
                    good = used < case.limit
                    passed, failed = passed + good, failed + (not good)
                    print(
                        f"{'ok    ' if good else 'FAILED'} {case.name}: {what}: {used / MB:.1f} MB "
                        f"of {case.limit / MB:.1f}",
                        flush=True,
                    )
                if case.too_little:
                    refuse(case, given.binary.resolve(), Path(folder))
                    passed += 1
                    print(f"ok     {case.name}: refused with --memory {case.too_little}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAILED {case.name}: {error}", flush=True)
    if given.pattern in "shards":
        with tempfile.TemporaryDirectory(prefix="memory.", dir=Path.cwd() / "build") as folder:
            try:
                print(f"ok     {check_shards(given.binary.resolve(), Path(folder))}", flush=True)
                passed += 1
            except AssertionError as error:
                print(f"FAILED {error}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
