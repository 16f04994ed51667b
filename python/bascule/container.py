"""The settings of a training run, as Megatron Bridge's ConfigContainer has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bascule import _core
from bascule.errors import RefusedSettingError
from bascule.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from typing_extensions import Self


class ConfigContainer(Settings):
    """All settings of a run, in Megatron Bridge's groups: `cfg.train.train_iters = 10`.

    It begins with recipes, and keeps what is set on top of them. A name that is no setting, a wrong
    type and a value out of range are errors at once; how settings fit together is checked by
    `validate()`, and before training.

    Raises:
        bascule.Error: what a setting is not, see `bascule.group.Group`.
    """

    __slots__ = ()

    def __init__(self, *recipes: str, **settings: object) -> None:
        """Begins with `recipes`, and sets `settings` on top of them.

        Args:
            recipes: names of the library, or files that end in .yaml; later ones win.
            settings: whole groups, `train=TrainingConfig(train_iters=10)`, and settings outside of
                groups, `mixed_precision="bf16_mixed"`. None for a group that only Megatron has
                asks for nothing. The groups are set in the order of `bascule.settings.Settings`.

        Raises:
            bascule.Error: a recipe that does not exist, with the nearest name; what a setting is
                not.
        """
        self._hold(_core.Configuration(json.dumps({"base": recipes}), "ConfigContainer"), None)
        groups = {name: settings.pop(name) for name in self._groups if name in settings}
        for name, value in (settings | groups).items():
            self._take(name, value)

    def _take(self, name: str, value: object) -> None:
        try:
            setattr(self, name, value)
        except RefusedSettingError:
            if value is not None:
                raise

    @classmethod
    def from_yaml(cls, source: str | os.PathLike[str]) -> Self:
        """Reads a recipe: the path of a file, or a text that has a line end.

        What the recipe sets counts as set by the program; what it is based on stays a base.

        Raises:
            bascule.Error: a name or a value that is not accepted, with the line where it stands.
        """
        if isinstance(source, str) and "\n" in source:
            return cls._of(_core.Configuration(source, "the text"))
        return cls._of(_core.Configuration.read(source))

    def to_yaml(self, path: str | os.PathLike[str] | None = None) -> str:
        """A recipe that `bascule train` takes: what it is based on, and what was set on top.

        Args:
            path: a file that it is written to, too.
        """
        text = self._configuration.yaml()
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def copy(self) -> Self:
        """Another one with the same settings, which changes without this one."""
        return self._of(self._configuration.copy())

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def resolved(self) -> str:
        """YAML of all values that a run would have, each with where it came from.

        The environment's BASCULE_OVERRIDES are applied last.

        Raises:
            bascule.Error: as `validate()`.
        """
        return self._configuration.resolved()

    def validate(self) -> None:
        """Checks that the settings fit together, with the environment's BASCULE_OVERRIDES.

        Raises:
            bascule.Error: what does not, with the settings, their values and a remedy.
        """
        self.resolved()

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        return type(self).from_yaml, (self.to_yaml(),)

    def __repr__(self) -> str:
        return self._configuration.annotated()
