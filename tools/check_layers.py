#!/usr/bin/env python3
"""Holds the sources to the architecture: who includes whom, and how a file looks.

    check_layers.py [ROOT]      exit 0 when clean; else one line a violation and exit 1

MAY_SEE is the picture of docs/architecture.md as a table; the CMake targets must agree with it.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# A box: the boxes whose headers it may include, besides its own.
MAY_SEE: dict[str, set[str]] = {
    "base": set(),
    "settings": {"base"},
    "store": {"base"},
    "model": {"base"},
    "families": {"base", "model", "settings"},
    "convert": {"base", "model", "store"},
    "bridge": {"base", "settings", "store", "model", "families", "convert"},
    "recipe": {"base", "settings", "model"},
    # settings: the nearest name to a mistyped option
    "cli": {"base", "settings", "bridge", "recipe", "data"},
    "data": {"base"},
    "kernels": {"base", "model"},
    "nn": {"base", "store", "model", "convert", "kernels"},
    "train": {
        "base", "settings", "store", "model", "convert", "bridge",
        "recipe", "data", "kernels", "nn",
    },
    "program": {"base", "settings", "model", "bridge", "cli", "recipe", "nn", "train"},
    "python": {"base", "settings", "store", "bridge", "cli", "recipe", "data"},
    "python_engine": {
        "base", "settings", "bridge", "cli", "recipe", "python", "nn", "train",
    },  # python/engine
}
# A public header: the box that owns it. The command line and Python see bridge's only.
PUBLIC: dict[str, str] = {
    "bascule/bridge.h": "bridge",
    "bascule/error.h": "base",
    "bascule/report.h": "convert",
    "bascule/reporter.h": "base",
}
ON_TORCH = {"kernels", "nn", "train", "program", "python_engine"}
TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
PARSERS = re.compile(r"(nlohmann|yaml-cpp)/")
STANDARD = re.compile(r"[a-z_]+$")  # <vector>; not <fmt/format.h>, not <zlib.h>
VAGUE = {"util", "utils", "helper", "helpers", "misc"}
LONGEST = 400

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.MULTILINE)
USES = re.compile(r"bascule_(?:engine_)?box\(\s*(\w+)([^)]*)\)")


@dataclass(frozen=True)
class Source:
    """A C++ file: its path below the root, its text, and what it includes."""

    path: Path
    text: str
    angled: tuple[str, ...]
    quoted: tuple[str, ...]

    @property
    def box(self) -> str:
        """The box that the file belongs to; "tests" and "bench" may see everything."""
        parts = self.path.parts
        if parts[0] == "include":
            return PUBLIC.get("/".join(parts[1:]), "base")
        if parts[:2] == ("python", "engine"):
            return "python_engine"
        return parts[1] if parts[0] in ("src", "engine") and len(parts) > 2 else parts[0]

    @property
    def header(self) -> bool:
        return self.path.suffix == ".h"


def sources(root: Path) -> dict[Path, Source]:
    found = {}
    for top in ("include", "src", "cli", "engine", "python", "bench", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu", ".def") or not path.is_file():
                continue
            text = path.read_text(encoding="utf-8")
            included = INCLUDE.findall(text)
            relative = path.relative_to(root)
            found[relative] = Source(
                relative,
                text,
                tuple(angle for angle, _ in included if angle),
                tuple(quote for _, quote in included if quote),
            )
    return found


def resolved(include: str, files: dict[Path, Source]) -> Path | None:
    """Finds what a full-path include names."""
    for top in ("src", "engine", "include", "tests", "."):
        if (path := Path(top) / include) in files:
            return path
    return None


def arrows(file: Source, files: dict[Path, Source]) -> Iterator[str]:
    """Includes against an arrow of the picture."""
    for include in file.quoted:
        target = resolved(include, files)
        if target is None:
            yield f'"{include}" is no full path of a header here'
            continue
        if target.parts[0] == "include" and include not in PUBLIC:
            yield f"{include} is not in PUBLIC of check_layers.py: say which box owns it"
            continue
        box, other = file.box, files[target].box
        if other in ("tests", "bench") and box not in ("tests", "bench"):
            yield f"{include} is a test's"
        elif box in MAY_SEE and other != box and other not in MAY_SEE[box]:
            yield f"{include} is {other}'s, which {box} may not see"
        elif box in ("cli", "python") and other == "bridge" and target.parts[0] != "include":
            yield f"{include} is bridge's inside: {box} may see its public headers only"


def on_torch(file: Source) -> bool:
    return file.box in ON_TORCH or file.path.parts[:2] in (("tests", "engine"), ("bench", "engine"))


def third_party(file: Source) -> Iterator[str]:
    for include in file.angled:
        if TORCH.match(include) and not on_torch(file):
            yield f"<{include}>: only engine/ ({', '.join(sorted(ON_TORCH))}) may include torch"
        if PARSERS.match(include) and file.header:
            yield f"<{include}> belongs in .cpp files"
        if file.path.parts[0] == "include" and not STANDARD.match(include):
            yield f"<{include}>: a public header includes no third-party header"


def shape(file: Source) -> Iterator[str]:
    lines = file.text.count("\n")
    if lines > LONGEST:
        yield f"{lines} lines, {LONGEST} at most"
    words = set(file.path.stem.split("_"))
    if words & VAGUE or file.path.stem == "common":
        yield "the name says nothing: the answer is the name"
    if file.header:
        if not re.search(r"^#pragma once$", file.text, re.MULTILINE):
            yield "no #pragma once"
        if not file.text.startswith("//"):
            yield "a header opens with a comment that says what the thing is"
        if re.search(r"^\s*using namespace\b", file.text, re.MULTILINE):
            yield "using namespace in a header"


def unbuilt(root: Path, files: dict[Path, Source]) -> Iterator[str]:
    """Sources that no CMakeLists.txt at or above them names: they would never be compiled."""
    for path in files:
        if path.suffix in (".h", ".def"):
            continue
        lists = [root / parent / "CMakeLists.txt" for parent in path.parents]
        # A file, or the NAME of NAME_fuzz.cpp in a list of fuzz targets.
        names = {path.name, path.stem.removesuffix("_fuzz")}
        if path.stem in names:
            names.remove(path.stem)
        named = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?![\w.])" for name in names))
        if not any(each.is_file() and named.search(each.read_text()) for each in lists):
            yield f"{path}: no CMakeLists.txt names it"


def targets(root: Path) -> Iterator[str]:
    """CMake boxes that link against an arrow."""
    lists = [path for top in ("src", "engine") for path in (root / top).rglob("CMakeLists.txt")]
    for path in sorted(lists):
        for name, arguments in USES.findall(path.read_text()):
            listed = re.search(r"\bUSES\b([^A-Z]*)", arguments)
            for other in listed.group(1).split() if listed else ():
                if other not in MAY_SEE.get(name, {other}):
                    yield f"{path.relative_to(root)}: {name} links {other}, which it may not see"


def cycles(files: dict[Path, Source]) -> Iterator[str]:
    """Headers that include themselves by a detour."""
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> Iterator[str]:
        if path in trail:
            circle = [*trail[trail.index(path) :], path]
            yield "includes go round: " + " > ".join(map(str, circle))
        elif path not in done:
            for include in files[path].quoted:
                if (target := resolved(include, files)) is not None:
                    yield from visit(target, (*trail, path))
            done.add(path)

    for path in files:
        yield from visit(path, ())


def violations(root: Path) -> list[str]:
    files = sources(root)
    found = []
    for path, file in files.items():
        for rule in (arrows(file, files), third_party(file), shape(file)):
            found += [f"{path}: {text}" for text in rule]
    return [*found, *unbuilt(root, files), *targets(root), *cycles(files)]


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    found = violations(root)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    lengths = [file.text.count("\n") for file in sources(root).values()]
    if not lengths:
        print(f"check_layers: no C++ files below {root}", file=sys.stderr)
        return 1
    print(
        f"layers: {len(lengths)} files, median {median(lengths):.0f} lines, {len(found)} violations"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
