"""Jobs for the real recipes of Megatron Bridge.

python -m oracle.recipes JOBS RESULTS
"""

import contextlib
import dataclasses
import importlib
import os
import pkgutil
import sys
import tempfile
from types import ModuleType

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


def modules() -> list[ModuleType]:
    from megatron.bridge import recipes

    found = pkgutil.walk_packages(recipes.__path__, recipes.__name__ + ".")
    return [importlib.import_module(each.name) for each in found]


def plain(value: object) -> object:
    """A value as JSON has it; of other types their names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value)


def names() -> jobs.Result:
    """The families' packages, each with its functions."""
    from megatron.bridge import recipes

    families: dict[str, list[str]] = {}
    for each in pkgutil.iter_modules(recipes.__path__):
        if each.ispkg:
            package = importlib.import_module(f"{recipes.__name__}.{each.name}")
            public = getattr(package, "__all__", ())
            families[each.name] = sorted(name for name in public if name.endswith(SUFFIX))
    return {"families": families}


def values(name: str) -> jobs.Result:
    """What a function sets, by the names of settings; folders are relative to the working
    directory.
    """
    for module in modules():
        if "AutoBridge" in vars(module):
            module.AutoBridge = Bridge
    function = getattr(importlib.import_module("megatron.bridge.recipes"), name)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        cfg = function()
        here = os.getcwd() + "/"
    groups = {group: getattr(cfg, group) for group in GROUPS}
    settings = {"mixed_precision": plain(cfg.mixed_precision)}
    for group, owner in groups.items():
        fields = {field.name for field in dataclasses.fields(owner)} | set(vars(owner))
        for field in fields:
            value = plain(getattr(owner, field, None))
            settings[f"{group}.{field}"] = (
                value.removeprefix(here) if isinstance(value, str) else value
            )
    settings |= {f"model.{field}": plain(value) for field, value in vars(cfg.model).items()}
    return {"settings": dict(sorted(settings.items()))}


if __name__ == "__main__":
    boot.install()
    # Recipes of models that see import what reads their data.
    sys.meta_path.insert(0, boot.StubFinder(lambda name: name.startswith("megatron.energon")))
    jobs.serve({"names": names, "values": values}, *sys.argv[1:3])
