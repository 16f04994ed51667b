#!/usr/bin/env python3
"""The README's ways in: what a section shows to paste, for tests that run it word for word.

    readme.py SECTION FOLDER     prepares a folder and prints the lines to run in it

The folder gets HF_DIR, a toy, and the files that the section shows: blocks of a language, whose
first line is a comment with the file's name. Blocks without a language are the lines.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# How sections begin that the stage has done before: it compiled the release build, or made the wheel
# and installed it. Comments behind these lines may change.
DONE = {
    "Command line": [
        "scripts/install_packages.sh --build-only",
        "cmake --preset release",
        "cmake --build --preset release",
    ],
    "Python": [
        "scripts/install_packages.sh --build-only",
        "python3 -m venv ~/bascule-python",
        "source ~/bascule-python/bin/activate",
        "pip install .",
    ],
    "C++": [],
}


def prepare(section: str, folder: Path) -> str:
    """The lines of a section, for bash, less those of DONE; its files and HF_DIR go to `folder`."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    inside = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    shutil.copytree(ROOT / "tests/golden/llama/hf", folder / "HF_DIR")
    lines = []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", inside, re.MULTILINE | re.DOTALL):
        if language:
            name = block.splitlines()[0].lstrip("/# ")
            (folder / name).write_text(block, encoding="utf-8")
        else:
            lines += block.splitlines()
    done = DONE[section]
    if [re.sub(" +#.*", "", line) for line in lines[: len(done)]] != done:
        raise AssertionError(f"the README's {section} does not begin with {done}")
    return "\n".join(["set -euo pipefail", *lines[len(done) :], ""])


if __name__ == "__main__":
    sys.stdout.write(prepare(sys.argv[1], Path(sys.argv[2])))
