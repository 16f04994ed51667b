"""Derives tests/spec/fixtures/FAMILY/MODEL/fixture.json from the config.json beside it.

    .venv/bin/python tools/fixture.py [--check] [CONFIG ...]       (default: every fixture)

Builds the model on the meta device and writes down what a published checkpoint of it holds: tensor
names, shapes, the parameter count. "source" (repository, commit, path of the public file that the
configuration was taken from) and "unconfirmed" (keys whose value no source confirms) are kept as
they stand: they are written by hand.

Names are those of the published files, which transformers 4 still has in memory (transformers 5
fuses the experts), so this uses the peers' transformers 4. Equal layers and experts are folded:
"model.layers.{0-31}.mlp.up_proj.weight" stands for 32 tensors, and several braces for every
combination.
"""

import argparse
import json
import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests/spec/fixtures"
sys.path.insert(0, str(ROOT / ".peers/transformers4"))
import torch  # noqa: E402
import transformers  # noqa: E402

Index = tuple[int, ...]


def published_tensors(config_path: Path) -> tuple[str, dict[str, list[int]]]:
    """The architecture, and the shape of every tensor that save_pretrained would write."""
    config = transformers.AutoConfig.from_pretrained(config_path.parent)
    architecture = json.loads(config_path.read_text())["architectures"][0]
    with torch.device("meta"):
        model = getattr(transformers, architecture)(config)
    model.tie_weights()
    seen: set[int] = set()
    shapes: dict[str, list[int]] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:  # a tied head is the embedding once more: it is not written
            seen.add(id(tensor))
            shapes[name] = list(tensor.shape)
    return architecture, shapes


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Splits ascending numbers into (first, last) runs without a gap."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def ranges(indices: set[Index]) -> list[list[tuple[int, int]]]:
    """Covers `indices` by boxes, each a list of ranges: equal rows are grouped, then split into
    runs.
    """
    if indices == {()}:
        return [[]]
    by_rest: dict[frozenset[Index], list[int]] = {}
    for first in sorted({index[0] for index in indices}):
        rest = frozenset(index[1:] for index in indices if index[0] == first)
        by_rest.setdefault(rest, []).append(first)
    return [
        [run, *box]
        for rest, firsts in by_rest.items()
        for run in runs(firsts)
        for box in ranges(set(rest))
    ]


def fold(shapes: dict[str, list[int]]) -> dict[str, list[int]]:
    groups: dict[tuple[str, tuple[int, ...]], set[Index]] = {}
    for name, shape in shapes.items():
        pattern = re.sub(r"(?<=\.)\d+(?=\.)", "#", name)
        index = tuple(int(number) for number in re.findall(r"(?<=\.)\d+(?=\.)", name))
        groups.setdefault((pattern, tuple(shape)), set()).add(index)
    folded: dict[str, list[int]] = {}
    for (pattern, shape), indices in groups.items():
        for box in ranges(indices):
            name = pattern
            for low, high in box:
                name = name.replace("#", str(low) if low == high else f"{{{low}-{high}}}", 1)
            folded[name] = list(shape)
    return folded


def unfold(folded: dict[str, list[int]]) -> dict[str, list[int]]:
    shapes: dict[str, list[int]] = {}
    for name, shape in folded.items():
        names = [name]
        while "{" in names[0]:
            low, high = map(int, re.search(r"\{(\d+)-(\d+)\}", names[0]).groups())
            names = [
                re.sub(r"\{\d+-\d+\}", str(i), n, count=1)
                for n in names
                for i in range(low, high + 1)
            ]
        shapes.update(dict.fromkeys(names, shape))
    return shapes


def text_of(fixture: dict) -> str:
    """JSON with one tensor a line."""
    tensors = ",\n".join(
        f"    {json.dumps(name)}: {json.dumps(shape)}" for name, shape in fixture["tensors"].items()
    )
    head = json.dumps({key: value for key, value in fixture.items() if key != "tensors"}, indent=2)
    return f'{head.rstrip("}").rstrip()},\n  "tensors": {{\n{tensors}\n  }}\n}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", nargs="*", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="compare with the files instead of writing them"
    )
    arguments = parser.parse_args()
    stale = 0
    for config in arguments.config or sorted(FIXTURES.glob("*/*/config.json")):
        path = config.parent / "fixture.json"
        old = json.loads(path.read_text()) if path.exists() else {}
        if not {"repository", "commit", "path"} <= set(old.get("source", {})):
            print(
                f'{path}: "source" with repository, commit and path must be written by hand first',
                file=sys.stderr,
            )
            return 1
        architecture, shapes = published_tensors(config)
        folded = fold(shapes)
        assert unfold(folded) == shapes, f"{config}: folding lost a tensor"
        new = {
            "source": old["source"],
            "unconfirmed": old.get("unconfirmed", []),
            "transformers": transformers.__version__,
            "architecture": architecture,
            "parameters": sum(math.prod(shape) for shape in shapes.values()),
            "tensors": folded,
        }
        if arguments.check:
            if new != old:
                stale += 1
                print(f"{path}: stale, run tools/fixture.py {config}", file=sys.stderr)
        else:
            path.write_text(text_of(new))
            name = path.parent.relative_to(FIXTURES)
            print(f"{name}: {new['parameters']:,} parameters, {len(shapes)} tensors")
    return stale > 0


if __name__ == "__main__":
    sys.exit(main())
