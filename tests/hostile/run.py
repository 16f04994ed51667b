#!/usr/bin/env python3
"""Hostile files and directories: each is refused with a clear sentence, quickly, in little memory.

    run.py [--binary BASCULE] [-k PATTERN] [--list]

BASCULE is $BASCULE_BIN when it is not given. Each row of table.py must end with its exit code, say
its message in one line that names the file, leave nothing under the target's name, and cost at most
2 seconds of processor time and 300 MB of memory. A row that ends with 0 is about a file that is not
needed: the line is a warning, and the result is there. Standard library only.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from case import Case
from table import CASES

PATIENCE = 60.0  # seconds of wall time at least, on a machine with other work
A_MEGABYTE = 0.03  # seconds of processor time
LONGEST = 5000  # characters of a sentence


@dataclass(frozen=True)
class Ended:
    """How a run ended, and what it cost."""

    code: int
    out: str
    err: str
    seconds: float  # of the processors
    megabytes: float


def make(case: Case, folder: Path) -> None:
    """Makes it in a process of its own: a child's peak of memory begins at that of its parent."""
    child = os.fork()
    if child == 0:
        try:
            case.make(folder)
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit(f"{case.name} cannot be made")


def run(binary: Path, command: str, folder: Path, patience: float) -> Ended:
    """Runs it in the folder. A run that hangs is killed, which its exit code then says."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [str(binary), *command.split()],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        )
        timer = threading.Timer(patience, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="backslashreplace"))
    return Ended(
        process.returncode, *texts, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6
    )


def megabytes_in(folder: Path) -> float:
    """What files there take on the disk: holes in them are not read one by one."""
    files = (path.lstat() for path in folder.rglob("*") if not path.is_dir())
    return sum(each.st_blocks * 512 for each in files) / 1e6


def problems(case: Case, ended: Ended, folder: Path, limits: tuple[float, float]) -> list[str]:
    """What is wrong with a run, one sentence each."""
    found = []
    kind = "error" if case.exit else "warning"
    said_lines = [line for line in ended.err.splitlines() if line.startswith(f"bascule: {kind}: ")]
    said = said_lines[-1] if said_lines else ""
    if ended.code != case.exit:
        found.append(f"exit {ended.code} instead of {case.exit}")
    if len(said_lines) != 1:
        found.append(f"{len(said_lines)} lines of {kind}s instead of one")
    if case.file not in said:
        found.append(f"{case.file!r} is not named")
    if case.message not in said:
        found.append(f"{case.message!r} is not said")
    if len(ended.err) > LONGEST:
        found.append(f"it says {len(ended.err)} characters")
    if re.search(r"[^\n -~\u00a0-\U0010ffff]", ended.err):
        found.append("control characters reach the terminal")
    if (folder / "out").exists() and case.exit:
        found.append("something has the target's name")
    if list(folder.rglob("owned*")):
        found.append("code of the file was run")
    if ended.seconds > limits[0]:
        found.append(f"{ended.seconds:.2f} s of processor time, at most {limits[0]:.2f}")
    if ended.megabytes > limits[1]:
        found.append(f"{ended.megabytes:.0f} MB of memory, at most {limits[1]:.0f}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    binary = os.environ.get("BASCULE_BIN", "build/release/bascule")
    parser.add_argument("--binary", type=Path, default=Path(binary))
    parser.add_argument("-k", metavar="PATTERN", default="", help="only rows with it in the name")
    parser.add_argument(
        "--part", metavar="I/N", default="1/1", help="every N-th row, from the I-th"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of processor time, a small row")
    parser.add_argument("--megabytes", type=float, default=300.0, help="of memory, a row")
    parser.add_argument("--list", action="store_true", help="print the table")
    given = parser.parse_args()
    first, step = map(int, given.part.split("/"))
    cases = [case for case in CASES if given.k in case.name][first - 1 :: step]
    if given.list:
        for case in cases:
            print(f"{case.name:32} exit {case.exit}  {case.what}")
        return 0
    binary = given.binary.resolve()
    start, failed = time.monotonic(), 0
    costs: list[tuple[Ended, Case]] = []
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="hostile") as name:
            folder = Path(name)
            make(case, folder)
            seconds = given.seconds + A_MEGABYTE * megabytes_in(folder)
            ended = run(binary, case.command, folder, max(PATIENCE, 4 * seconds))
            found = problems(case, ended, folder, (seconds, given.megabytes))
        costs.append((ended, case))
        failed += bool(found)
        if found:
            print(f"FAILED {case.name} ({case.what}): {case.command}: {'; '.join(found)}")
            print(f"       stderr: {ended.err[:700]}")
    if costs:
        slowest = max(costs, key=lambda cost: cost[0].seconds)
        largest = max(costs, key=lambda cost: cost[0].megabytes)
        print(f"slowest: {slowest[1].name}, {slowest[0].seconds:.2f} s of processor time")
        print(f"largest: {largest[1].name}, {largest[0].megabytes:.0f} MB of memory")
    print(f"{len(cases)} rows in {time.monotonic() - start:.0f} s")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not (cases or given.k) else 0


if __name__ == "__main__":
    sys.exit(main())
