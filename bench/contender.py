"""Ways to do one thing, timed in turn, so that a machine that slows down does so for all.

Imports little: a child's peak memory is the kernel's count, which begins with that of this process.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(command: Sequence[object], log: Path) -> tuple[float, int]:
    """Seconds, and peak memory in bytes. Ends the program where the command fails."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests/interop"), "HF_HUB_OFFLINE": "1"}
    words = [str(word) for word in command]
    start = time.monotonic()
    with log.open("w") as output:
        child = subprocess.Popen(words, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(words)}: exit {child.returncode}\n{log.read_text()[-2000:]}")
    return seconds, usage.ru_maxrss * 1024


class Contender:
    """One way: what it took is returned by its work, seconds and peak memory in bytes."""

    def __init__(self, name: str, runs: int, work: Callable[[], tuple[float, int]]) -> None:
        self.name, self.runs, self.work = name, runs, work
        self.seconds: list[float] = []
        self.peak = 0

    def once(self) -> None:
        seconds, peak = self.work()
        self.seconds.append(seconds)
        self.peak = max(self.peak, peak)
        print(f"{self.name}: {seconds:.3f} s", file=sys.stderr, flush=True)

    @property
    def median(self) -> float:
        ordered, half = sorted(self.seconds), len(self.seconds) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

    def spread(self, digits: int) -> str:
        """The median, and the range."""
        least, most = min(self.seconds), max(self.seconds)
        return f"{self.median:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


def interleave(contenders: list[Contender]) -> None:
    for number in range(max(each.runs for each in contenders)):
        for each in contenders:
            if number < each.runs:
                each.once()
