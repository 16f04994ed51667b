"""Jobs for the real recipes of Megatron Bridge.

python -m oracle.recipes JOBS RESULTS
"""

import ast
import contextlib
import dataclasses
import importlib
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oracle import boot, jobs

SUFFIX = "_pretrain_config"
GROUPS = ("train", "optimizer", "scheduler", "dataset", "tokenizer", "checkpoint", "logger", "rng")


class Provider:
    """What a recipe does to a model: the sizes of a published one would need the network."""

    vocab_size = 1 << 17

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


class Bridge:
    """In the place of AutoBridge."""

    @classmethod
    def from_hf_pretrained(cls, *names: object, **options: object) -> "Bridge":
        return cls()

    def to_megatron_provider(self, **options: object) -> Provider:
        return Provider()


def families() -> dict[str, list[str]]:
    """The packages of recipes, each with the functions that it gives. Packages are read, not
    imported: those of models that see need packages that are not here.
    """
    from megatron import bridge

    found = {}
    for file in sorted(Path(bridge.__file__).parent.glob("recipes/*/__init__.py")):
        public: list[str] = []
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                public = ast.literal_eval(node.value)
        found[file.parent.name] = sorted(name for name in public if name.endswith(SUFFIX))
    return found


def function_of(family: str, name: str) -> Callable[[], Any]:
    """A recipe's function, which takes its model from the class above. The package around the
    families would import all of them.
    """
    from megatron import bridge

    package = types.ModuleType("megatron.bridge.recipes")
    package.__path__ = [str(Path(bridge.__file__).parent / "recipes")]
    sys.modules.setdefault(package.__name__, package)
    function = getattr(importlib.import_module(f"{package.__name__}.{family}"), name)
    module = sys.modules[function.__module__]
    if "AutoBridge" in vars(module):
        module.AutoBridge = Bridge
    return function


def plain(value: object) -> object:
    """A value as JSON has it; the names of functions, and of the types of other objects."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, types.FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return type(value).__name__


def precision(value: object) -> object:
    """The name of a mixed precision that is given by its settings."""
    from megatron.bridge.training.mixed_precision import get_mixed_precision_config

    return "bf16_mixed" if value == get_mixed_precision_config("bf16_mixed") else plain(value)


def values(family: str, name: str, kept: list[str]) -> dict[str, object]:
    """What a function sets, of the settings that are kept; folders are relative to the working
    directory.
    """
    function = function_of(family, name)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        cfg = function()
        here = os.getcwd() + "/"
    groups = {group: getattr(cfg, group) for group in GROUPS}
    settings = {"mixed_precision": precision(cfg.mixed_precision)}
    for group, owner in groups.items():
        fields = {field.name for field in dataclasses.fields(owner)} | set(vars(owner))
        for field in fields:
            value = plain(getattr(owner, field, None))
            settings[f"{group}.{field}"] = (
                value.removeprefix(here) if isinstance(value, str) else value
            )
    settings |= {f"model.{field}": plain(value) for field, value in vars(cfg.model).items()}
    return {name: value for name, value in settings.items() if name in kept}


def all_of(names: list[str], kept: list[str]) -> jobs.Result:
    """The functions of all families, and what those set that are among the names."""
    found = families()
    recipes = {
        name: values(family, name, kept)
        for family, functions in found.items()
        for name in functions
        if name in names
    }
    return {"families": found, "recipes": recipes}


if __name__ == "__main__":
    boot.install()
    jobs.serve({"all_of": all_of}, *sys.argv[1:3])
