#!/usr/bin/env python3
"""What must hold on bad days: no half-written result, a clear error, and the next run succeeds.

    run.py --binary build/release/bascule [--kills 20] [-k PATTERN] [--seed N]

Killed at random moments, a full disk, a read-only target, a second process, a shrinking source,
Ctrl-C. Needs root for the disks (small tmpfs mounts); standard library only.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from days import VERBS, all_days
from scene import Scene


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("-k", dest="pattern", default="", help="only days whose name holds it")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    print(f"bad days: seed {given.seed}", flush=True)
    days = [(name, day) for name, day in all_days(given.kills) if given.pattern in name]
    failed, middle = 0, 0
    if not days:
        print("0 passed, 0 failed")
        return 0
    with tempfile.TemporaryDirectory(prefix="bad_days.", dir=Path.cwd() / "build") as folder:
        scene = Scene(given.binary.resolve(), Path(folder))
        print(", ".join(f"{verb} takes {scene.seconds[verb]:.2f} s" for verb in VERBS), flush=True)
        for number, (name, day) in enumerate(days):
            try:
                text = day(scene, Random(given.seed + number))
                middle += "kill -9" in name and "partial" in text
                print(f"ok     {name}: {text}", flush=True)
            except Exception as error:  # one bad day must not hide the others
                failed += 1
                where = "" if isinstance(error, AssertionError) else traceback.format_exc()
                print(f"FAILED {name}: {error}\n{where}", flush=True)
    kills = sum("kill -9" in name for name, _ in days)
    if kills >= 10 and middle < kills // 4:
        print(f"FAILED only {middle} of {kills} kills hit a run in the middle: take a larger model")
        failed += 1
    print(f"{len(days) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
