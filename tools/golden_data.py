#!/usr/bin/env python3
"""Writes tests/golden/data/cases.json with the real Megatron-Core: what its dataset classes build of
the datasets there, with the settings in that file.

    .venv/bin/python tools/golden_data.py            writes it
    .venv/bin/python tools/golden_data.py --check    exit 1 unless it is as it would be written

To add a case, add a name with "settings" and run this.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden"
CASES = GOLDEN / "data/cases.json"
sys.path.insert(0, str(ROOT / "tests/interop"))
from oracle import jobs  # noqa: E402


def text(cases: dict[str, dict]) -> str:
    """A line a split and a line a hash, so that differences can be read."""
    parts = []
    for name, case in sorted(cases.items()):
        lines = [f'  "settings": {json.dumps(case["settings"])}']
        for key in ("splits", "cache", "arrays"):
            rows = [f"   {json.dumps(row)}: {json.dumps(of)}" for row, of in case[key].items()]
            lines.append(f'  "{key}": {{\n' + ",\n".join(rows) + "\n  }")
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    old = CASES.read_text()
    todo = [
        {"id": name, "action": "case", "folder": str(GOLDEN), "settings": case["settings"]}
        for name, case in json.loads(old).items()
    ]
    cases = jobs.run("datasets", todo)
    for name, case in cases.items():
        if "error" in case:
            raise SystemExit(f"{name}: {case['error']}")
    new = text(cases)
    if sys.argv[1:]:
        changed = [n for n, case in json.loads(old).items() if case != cases[n]]
        print("\n".join(f"{name}: differs" for name in changed) or f"{len(cases)} cases: equal")
        return int(old != new)
    CASES.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
