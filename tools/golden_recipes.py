#!/usr/bin/env python3
"""Writes tests/golden/recipes/recipes.json with the real Megatron Bridge: the functions of its
recipes, and what those set for which the library has a recipe.

    .venv/bin/python tools/golden_recipes.py            writes it
    .venv/bin/python tools/golden_recipes.py --check    exit 1 unless it is as it would be written
"""

import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden/recipes/recipes.json"
SUFFIX = "_pretrain_config"
sys.path.insert(0, str(ROOT / "tests/interop"))
from oracle import jobs  # noqa: E402


def settings() -> list[str]:
    """What Python's ConfigContainer has, other names included."""
    names = []
    for node in ast.parse((ROOT / "python/bascule/settings.py").read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        group = ""
        for line in node.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "_group":
                group = ast.literal_eval(line.value) + "."
            elif isinstance(line, ast.AnnAssign):
                names.append(group + ast.unparse(line.target))
    return names


def golden() -> dict[str, dict]:
    """families: the functions of each; all: what every one sets; recipes: what each sets else."""
    ours = [path.stem + SUFFIX for path in sorted((ROOT / "recipes/models").glob("*.yaml"))]
    job = {"id": "all", "action": "all_of", "names": ours, "kept": settings()}
    done = jobs.run("recipes", [job])["all"]
    if "error" in done:
        raise SystemExit(done["error"])
    each = {name.removesuffix(SUFFIX): values for name, values in done["recipes"].items()}
    first = next(iter(each.values()))
    common = {
        key: value
        for key, value in first.items()
        if all(key in one and one[key] == value for one in each.values())
    }
    others = {
        name: {key: value for key, value in one.items() if key not in common}
        for name, one in each.items()
    }
    return {"families": done["families"], "all": common, "recipes": others}


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text = json.dumps(golden(), indent=1, sort_keys=True) + "\n"
    if not sys.argv[1:]:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text)
        return 0
    same = text == GOLDEN.read_text()
    print(f"{GOLDEN.relative_to(ROOT)} is {'as' if same else 'not as'} Megatron Bridge gives it")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
