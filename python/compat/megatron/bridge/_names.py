"""Finds the names of Megatron Bridge in bascule. Every module below `megatron.bridge` is made here,
as far as bascule has anything of it; `names.json` is what the real package has.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import json
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megatron.bridge._decisions import ENDINGS, HERE, NOT_YET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

PACKAGE = "megatron.bridge"
PAGE = "docs/migration.md of bascule says what is there and what to use instead"


def _read() -> dict[str, dict[str, str]]:
    """Of every module of the real package: a name, and the module that defines it."""
    rows = json.loads((Path(__file__).parent / "names.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = {}
    for module, row in rows.items():
        names = dict.fromkeys(row.get("defines", "").split(), module)
        for source, taken in row.get("from", {}).items():
            names |= dict.fromkeys(taken.split(), source)
        found[module] = names
    for module in rows:  # folders that are no packages of their own
        while module := module.rpartition(".")[0]:
            if module.startswith(PACKAGE):
                found.setdefault(module, {})
    return found


REAL = _read()


def _decided(module: str, table: dict[str, str]) -> str | None:
    """What a table says of a module: the row of the longest name that it is, or lies in."""
    inner = module.removeprefix(PACKAGE).removeprefix(".")
    while inner and inner not in table:
        inner = inner.rpartition(".")[0]
    return table.get(inner)


def origin(module: str, name: str) -> str:
    """The module of the real package that defines what `module` calls `name`."""
    while (source := REAL[module].get(name, module)) != module:
        module = source
    return module


def source_of(module: str) -> str | None:
    """The module of bascule that has the names of one of the real package, if there is one."""
    return _decided(module, HERE)


def value(module: str, name: str) -> Any:  # noqa: ANN401
    """The object in bascule of a name of the real package.

    Raises:
        AttributeError: it has none, with the reason.
    """
    if name == "__version__":
        return importlib.metadata.version("bascule-megatron-bridge")
    if name in REAL[module]:
        source = source_of(origin(module, name))
        there = None if source is None else importlib.import_module(source)
        if there is not None and name in getattr(there, "__all__", vars(there)):
            return getattr(there, name)
    raise AttributeError(why(module, name), name=name)


def why(module: str, name: str = "") -> str:
    """Why bascule lacks a module, or a name of one."""
    full = f"{module}.{name}" if name else module
    if full in REAL or name in REAL.get(module, ()):
        of_ending = next((ENDINGS[each] for each in ENDINGS if name.endswith(each)), None)
        reason = of_ending or _decided(origin(module, name) if name else module, NOT_YET)
        return f"{full} is not yet in bascule{f' ({reason})' if reason else ''}; {PAGE}"
    source = source_of(module)
    if source and name in getattr(importlib.import_module(source), "__all__", ()):
        return f"{full} is not in Megatron Bridge 0.3.1; {source}.{name} is bascule's own"
    near = difflib.get_close_matches(name, REAL[module], 1) if name and module in REAL else []
    meant = f"; did you mean {near[0]}?" if near else f"; {PAGE}"
    return f"{full} is neither in Megatron Bridge 0.3.1 nor in bascule{meant}"


def available(module: str) -> list[str]:
    """The public names of a module that bascule has, sorted."""
    found = []
    for name in sorted(REAL[module]):
        try:
            value(module, name)
        except AttributeError:
            continue
        found.append(name)
    return found


def exists(module: str) -> bool:
    """Whether bascule has a name that a module defines, or may have one of a module below it."""
    inner = module.removeprefix(PACKAGE + ".") + "."
    if any(row.startswith(inner) for row in HERE):
        return True
    return any(f"{origin(module, name)}.".startswith(module + ".") for name in available(module))


def take_over(name: str) -> None:
    """Makes a module's attributes those of bascule."""
    module = sys.modules[name]
    names = available(name)
    for each in names:
        setattr(module, each, value(name, each))
    vars(module)["__all__"] = names

    def absent(wanted: str) -> Any:  # noqa: ANN401
        if wanted.startswith("__"):  # what Python asks every module for
            raise AttributeError(wanted)
        return value(name, wanted)  # says why not

    vars(module)["__getattr__"] = absent


class _Modules:
    """Makes modules that bascule has something of. A name that is in none of them ends here, too:
    `from module import name` looks for a submodule at last.
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        if not name.startswith(PACKAGE + "."):
            return None
        if name in REAL and exists(name):
            return ModuleSpec(name, _Modules, is_package=True)  # type: ignore[arg-type]
        module, _, last = name.rpartition(".")
        raise ImportError(why(name) if name in REAL else why(module, last), name=name)

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType | None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        take_over(module.__name__)


def refuse_beside_the_real_one() -> None:
    """Raises ImportError where the real package is installed as well: names would be of either."""
    try:
        real = importlib.metadata.version("megatron-bridge")
    except importlib.metadata.PackageNotFoundError:
        sys.meta_path.append(_Modules)
        return
    raise ImportError(
        f"megatron-bridge {real} and bascule-megatron-bridge are both installed in this "
        "environment, and both provide megatron.bridge; uninstall one of them"
    )
