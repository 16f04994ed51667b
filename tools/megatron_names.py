#!/usr/bin/env python3
"""Writes python/compat/megatron/bridge/names.json: the public names of the real Megatron Bridge.

    megatron_names.py [--check]     from .peers/megatron, which scripts/python_env.sh installs

A module's names are those that it defines ("defines") and those that it takes from other modules of
the package ("from"). Read with ast: nothing of the package is executed. --check exits 1 unless the
file is what would be written.
"""

import argparse
import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEER = ROOT / ".peers/megatron"
FILE = ROOT / "python/compat/megatron/bridge/names.json"
PACKAGE = "megatron.bridge"
TOP = PEER / "megatron/bridge"
Names = dict[str, str]  # a name, and the module that it is taken from; "": defined here


class Reader:
    """Reads each module once; star imports want others first."""

    def __init__(self) -> None:
        self.files = {self.module_of(path): path for path in sorted(TOP.rglob("*.py"))}
        self.found: dict[str, Names] = {}

    @staticmethod
    def module_of(path: Path) -> str:
        parts = path.relative_to(PEER).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def source(self, module: str, node: ast.ImportFrom) -> str:
        if node.level == 0:
            return node.module or ""
        base = module.split(".")
        drop = node.level - (self.files[module].name == "__init__.py")
        base = base[: len(base) - drop]
        return ".".join([*base, node.module] if node.module else base)

    def names(self, module: str) -> Names:
        if module not in self.found:
            tree = ast.parse(self.files[module].read_text(encoding="utf-8"))
            names: Names = {}
            stated: list[str] | None = None
            for node in tree.body:
                for name, origin in self.bound(module, node):
                    names[name] = origin
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    stated = self.stated(node.value)
            public = {n: o for n, o in names.items() if not n.startswith("_") and n != "logger"}
            if stated is not None:
                public |= {name: names.get(name, "") for name in stated}
            self.found[module] = public
        return self.found[module]

    def stated(self, value: ast.expr) -> list[str] | None:
        try:
            return list(ast.literal_eval(value))
        except ValueError:
            return None  # computed: then what is public by its name

    def bound(self, module: str, node: ast.stmt) -> list[tuple[str, str]]:
        """What a statement binds, with where it is from."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return [(node.name, "")]
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return [(each.id, "") for each in targets if isinstance(each, ast.Name)]
        if isinstance(node, ast.Try | ast.If):
            inner = [each for field in ("body", "orelse") for each in getattr(node, field)]
            return [pair for each in inner for pair in self.bound(module, each)]
        if not isinstance(node, ast.ImportFrom):
            return []
        source = self.source(module, node)
        if source != PACKAGE and not source.startswith(PACKAGE + "."):
            return []
        if node.names[0].name == "*":
            return [(name, source) for name in self.names(source)]
        return [
            (each.asname or each.name, source)
            for each in node.names
            if f"{source}.{each.name}" not in self.files
        ]


def text() -> str:
    if not TOP.is_dir():
        sys.exit(f"{TOP} is not there: run scripts/python_env.sh")
    reader = Reader()
    rows = []
    for module in sorted(reader.files):
        row: dict[str, object] = {}
        by_source: dict[str, list[str]] = {}
        for name, source in sorted(reader.names(module).items()):
            by_source.setdefault(source, []).append(name)
        if own := by_source.pop("", []):
            row["defines"] = " ".join(own)
        if by_source:
            row["from"] = {source: " ".join(names) for source, names in by_source.items()}
        rows.append(f"{json.dumps(module)}: {json.dumps(row)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    made = text()
    if not parser.parse_args().check:
        FILE.write_text(made, encoding="utf-8")
        return 0
    if FILE.read_text(encoding="utf-8") == made:
        return 0
    print(f"{FILE.relative_to(ROOT)} is not what {PEER} has: run tools/megatron_names.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
