#!/usr/bin/env python3
"""Writes the table of model families into README.md, between its markers.

    tools/readme_tables.py [--binary build/release/bascule]            rewrite README.md
    tools/readme_tables.py --check                                     fail if it is not fresh
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- families: made by tools/readme_tables.py -->", "<!-- end of families -->"


def table(binary: Path) -> str:
    listed = json.loads(subprocess.check_output([binary, "models", "--json"], text=True))
    rows = ["| family | models | `config.json` architecture | converts |", "|---|---|---|---|"]
    for family in listed["families"]:
        state = "both ways" if family["supported"] else "planned: the layout is known and tested"
        architectures = ", ".join(f"`{name}`" for name in family["architectures"])
        rows.append(f"| `{family['family']}` | {family['models']} | {architectures} | {state} |")
    unconfirmed = [
        f"{family['family']}/{entry}" for family in listed["families"] for entry in family["unconfirmed"]
    ]
    if unconfirmed:
        rows += ["", "Published values that no public source confirms: " + "; ".join(unconfirmed) + "."]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/bascule")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    readme = ROOT / "README.md"
    text = readme.read_text()
    head, rest = text.split(BEGIN)
    fresh = f"{head}{BEGIN}\n{table(arguments.binary)}\n{END}{rest.split(END)[1]}"
    if fresh == text:
        return
    if arguments.check:
        sys.exit("README.md: the table of families is stale; run tools/readme_tables.py")
    readme.write_text(fresh)


if __name__ == "__main__":
    main()
