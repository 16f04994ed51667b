#!/usr/bin/env python3
"""Runs clang-tidy on those of the files, a name a line on stdin, that the preset tidy builds.

    git ls-files -- '*.cpp' | scripts/tidy.py [JOBS]

A file that was clean is passed over until something changes that clang-tidy sees: its text with all
that it includes, comments among it, its options, .clang-tidy, or clang-tidy itself. What was clean is
remembered by hashes in $XDG_CACHE_HOME/bascule/tidy (default ~/.cache). Exits 1 where a file was not.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path.cwd()
BUILD = ROOT / "build" / "tidy"
CLEAN = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bascule" / "tidy"


def commands() -> dict[str, list[str]]:
    """The compiler's arguments, without what it writes, by the file's name."""
    rows = json.loads((BUILD / "compile_commands.json").read_text())
    named = {}
    for row in rows:
        words = shlex.split(row["command"])
        output = words.index("-o")
        named[os.path.relpath(row["file"], ROOT)] = words[:output] + words[output + 2 :]
    return named


def fingerprint(command: list[str], surroundings: bytes) -> str:
    words = [word for word in command if word != "-c"]
    text = subprocess.run([*words, "-E", "-P", "-CC"], check=True, stdout=subprocess.PIPE).stdout
    everything = b"\0".join([surroundings, shlex.join(words).encode(), text])
    return hashlib.sha256(everything.replace(os.fsencode(ROOT), b".")).hexdigest()


def is_clean(name: str, command: list[str], surroundings: bytes) -> bool:
    remembered = CLEAN / fingerprint(command, surroundings)
    if remembered.exists():
        print(f"{name}: clean before", flush=True)
        return True
    print(name, flush=True)
    if subprocess.run(["clang-tidy", "-quiet", "-p", BUILD, name], check=False).returncode != 0:
        return False
    remembered.touch()
    return True


def main() -> int:
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count() or 1
    known = commands()
    names = [name for name in sys.stdin.read().split() if name in known]
    version = subprocess.run(["clang-tidy", "--version"], check=True, stdout=subprocess.PIPE).stdout
    surroundings = version + (ROOT / ".clang-tidy").read_bytes()
    CLEAN.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        clean = list(pool.map(lambda name: is_clean(name, known[name], surroundings), names))
    print(f"{sum(clean)} of {len(names)} files are clean")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
