"""The settings of a training run, as Megatron Bridge's ConfigContainer has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bascule import _core
from bascule.errors import Error, RefusedSettingError
from bascule.not_yet import not_yet
from bascule.provider import ModelProvider
from bascule.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from typing_extensions import Self

    from bascule.settings import ModelSettings

# Groups that only Megatron has, and leaves out unless it is asked for them.
_LEFT_OUT = frozenset(
    (
        "comm_overlap",
        "ft",
        "inprocess_restart",
        "nvrx_straggler",
        "peft",
        "straggler",
        "tensor_inspect",
    )
)


class ConfigContainer(Settings):
    """All settings of a run, in Megatron Bridge's groups: `cfg.train.train_iters = 10`.

    It begins with recipes, and keeps what is set on top of them. A name that is no setting, a wrong
    type and a value out of range are errors at once; how settings fit together is checked by
    `validate()`, and before training. Groups that only Megatron has may be None.

    Raises:
        bascule.Error: what a setting is not, see `bascule.group.Group`.
    """

    _begins_with: str | None = None  # the weights of the provider that `model` was set to

    def __init__(self, *recipes: str, **settings: object) -> None:
        """Begins with `recipes`, and sets `settings` on top of them.

        Args:
            recipes: names of the library, or files that end in .yaml; later ones win.
            settings: whole groups, `train=TrainingConfig(train_iters=10)`, and settings outside of
                groups, `mixed_precision="bf16_mixed"`. The groups are set in the
                order of `bascule.settings.Settings`.

        Raises:
            bascule.Error: a recipe that does not exist, with the nearest name; what a setting is
                not.
        """
        self._hold(_core.Configuration(json.dumps({"base": recipes}), "ConfigContainer"), None)
        groups = {name: settings.pop(name) for name in self._groups if name in settings}
        for name, value in (settings | groups).items():
            setattr(self, name, value)

    if TYPE_CHECKING:

        @property  # type: ignore[misc]
        def model(self) -> ModelSettings:
            """The model and how it is trained; a provider gives its settings and its weights."""

        @model.setter
        def model(self, value: ModelSettings | ModelProvider) -> None: ...

    else:

        def __getattr__(self, name: str) -> object:
            return None if name in _LEFT_OUT else super().__getattr__(name)

        def __setattr__(self, name: str, value: object) -> None:
            if value is None and self._asks_for_nothing(name):
                return
            provider = value if name == "model" and isinstance(value, ModelProvider) else None
            super().__setattr__(name, provider._model_settings() if provider else value)
            if provider:
                self._begin_with(provider._weights())
            elif name == "checkpoint" and self._begins_with:
                self._begin_with(self._begins_with)

    def _asks_for_nothing(self, name: str) -> bool:
        """Whether None leaves a group out that only Megatron has."""
        try:
            self._configuration.get(name)
        except RefusedSettingError:
            return True
        except Error:
            pass  # it is said where the value is set
        return False

    def _begin_with(self, weights: str | None) -> None:
        """The run begins with a provider's weights, unless the program named others."""
        now = self.checkpoint.pretrained_checkpoint
        if now in (None, self._begins_with) and now != weights:
            self.checkpoint.pretrained_checkpoint = weights
        object.__setattr__(self, "_begins_with", weights)

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

    to_dict = not_yet(
        "ConfigContainer.to_dict", "to_yaml() gives a text that yaml.safe_load() reads"
    )
    print_yaml = not_yet("ConfigContainer.print_yaml", "print(cfg.to_yaml()) does this")

    def copy(self) -> Self:
        """Another one with the same settings, which changes without this one."""
        made = self._of(self._configuration.copy())
        object.__setattr__(made, "_begins_with", self._begins_with)
        return made

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
