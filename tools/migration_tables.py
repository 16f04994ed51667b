#!/usr/bin/env python3
"""Writes the tables of docs/migration.md: which names of Megatron Bridge are there, and which not yet.

    build/python/engine/bin/python tools/migration_tables.py            rewrite the page
    build/python/engine/bin/python tools/migration_tables.py --check    fail if it is not fresh

The Python has bascule and python/compat: `scripts/python_package.sh engine` makes it.
"""

import argparse
import sys
from pathlib import Path

from megatron.bridge import _decisions, _names

PAGE = Path(__file__).parent.parent / "docs/migration.md"
BEGIN, END = "<!-- names: made by tools/migration_tables.py -->", "<!-- end of names -->"


def shown(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def here() -> list[str]:
    """A row for each module that defines a name that is there."""
    rows = ["| `megatron.bridge.` | names | of bascule's |", "|---|---|---|"]
    for module in sorted(_names.REAL):
        names = [each for each in _names.available(module) if _names.origin(module, each) == module]
        source = _names.source_of(module)
        if source and names:
            rows.append(f"| `{module.removeprefix('megatron.bridge.')}` | {shown(names)} | `{source}` |")
    return rows


def not_yet() -> list[str]:
    rows = ["| `megatron.bridge.` | why, or what to use |", "|---|---|"]
    for module, reason in sorted(_decisions.NOT_YET.items()):
        if reason:
            rows.append(f"| `{module}` | {reason} |")
    for ending, reason in sorted(_decisions.ENDINGS.items()):
        rows.append(f"| names that end in `{ending}` | {reason} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tables = "\n".join(
        [
            *here(),
            "",
            "What is not there, by the longest name that a module is or lies in; the rest of a module that is there, too:",
            "",
            *not_yet(),
        ]
    )
    fresh = f"{head}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"
    if fresh == text:
        return
    if arguments.check:
        sys.exit("docs/migration.md: its tables are stale; run tools/migration_tables.py")
    PAGE.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
