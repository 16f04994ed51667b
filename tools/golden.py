"""Writes the golden checkpoints of tests/golden with the real Megatron Bridge, or checks those that
are there.

    .venv/bin/python tools/golden.py [--check] [FAMILY ...]   (default: every family there)

Records the versions that made them in tests/golden/VERSIONS. --check makes them in a temporary
folder instead and compares keys, shapes, dtypes and bytes of every tensor, and the bytes of the
Hugging Face directory.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden"
sys.path.insert(0, str(ROOT / "tests/interop"))
from oracle import checkpoints, jobs  # noqa: E402

TENSOR_PARALLEL = {"llama_tp2": 2}
NEEDS_TRANSFORMERS5 = {"nemotron_h"}  # not in the 4.x that Bridge declares


def make(families: list[str]) -> dict:
    """Makes FAMILY/hf and FAMILY/megatron in the current folder (paths in a checkpoint are relative
    to it).
    """
    results = jobs.run(
        "plain", [{"id": f, "action": "toy", "family": f, "out": f"{f}/hf"} for f in families]
    )
    made_with = {result["transformers"] for result in results.values() if "transformers" in result}
    versions: dict = {"toys": f"transformers {', '.join(sorted(made_with))}"}
    groups: dict[tuple[int, bool], list[str]] = {}
    for family in families:
        groups.setdefault(
            (TENSOR_PARALLEL.get(family, 1), family in NEEDS_TRANSFORMERS5), []
        ).append(family)
    for (tp, transformers5), members in groups.items():
        todo = [
            {
                "id": f,
                "action": "import",
                "hf": f"./{f}/hf",
                "checkpoint": f"./{f}/megatron",
                "tp": tp,
            }
            for f in members
        ]
        options = ("--transformers5",) if transformers5 else ()
        done = jobs.run(
            "peers", [{"id": "versions", "action": "versions"}, *todo], ranks=tp, options=options
        )
        name = "peers of " + ", ".join(members) if transformers5 else "peers"
        versions[name] = done.pop("versions")
        results.update({f"{family}, import": result for family, result in done.items()})
    failed = {name: result["error"] for name, result in results.items() if "error" in result}
    if failed:
        raise SystemExit("\n".join(f"{name}: {error}" for name, error in failed.items()))
    return versions


def differences(family: str) -> list[str]:
    """What ./FAMILY has that tests/golden/FAMILY has not, and the reverse."""
    golden = GOLDEN / family
    lines = checkpoints.differences(
        checkpoints.megatron(golden / "megatron"), checkpoints.megatron(f"{family}/megatron")
    )
    names = {
        path.name for folder in (golden / "hf", Path(family, "hf")) for path in folder.iterdir()
    }
    for name in sorted(names):
        old, new = golden / "hf" / name, Path(family, "hf", name)
        if not (old.exists() and new.exists() and old.read_bytes() == new.read_bytes()):
            lines.append(f"differs: hf/{name}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("families", nargs="*")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    families = arguments.families or sorted(
        path.name for path in GOLDEN.iterdir() if (path / "hf").is_dir()
    )
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        versions = make(families)
        for family in families:
            if not arguments.check:
                shutil.rmtree(GOLDEN / family, ignore_errors=True)
                shutil.move(family, GOLDEN / family)
                print(f"{family}: written")
                continue
            lines = differences(family)
            wrong += len(lines)
            print("\n".join(f"{family}: {line}" for line in lines) or f"{family}: equal")
        if not arguments.check:
            path = GOLDEN / "VERSIONS"
            old = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps(old | versions, indent=1) + "\n")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
