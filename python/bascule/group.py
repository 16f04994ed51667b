"""A group of settings as attributes. The C++ knows their names, types and ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bascule import _core


class Group:
    """Settings as attributes, checked when they are set.

    Raises:
        bascule.UnknownSettingError: a name that is none, with the nearest that is; an
            AttributeError, too.
        bascule.RefusedSettingError: a setting of Megatron's that does not exist here, with the
            reason; an AttributeError, too.
        bascule.UserError: a value of another type or out of range, with what is accepted.
    """

    __slots__ = ("_configuration",)
    _configuration: _core.Configuration
    _group: ClassVar[str] = ""
    _groups: ClassVar[Mapping[str, type[Group]]] = {}

    def __init__(self, configuration: _core.Configuration) -> None:
        object.__setattr__(self, "_configuration", configuration)

    # Type checkers know the fields, and are not told that there could be others.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in self._groups:
                return self._groups[name](self._configuration)
            return self._configuration.get(self._path(name))

        def __setattr__(self, name: str, value: object) -> None:
            self._configuration.set(self._path(name), value)

    def _path(self, name: str) -> str:
        return f"{self._group}.{name}" if self._group else name

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._groups, *self._configuration.names(self._group)]

    def __repr__(self) -> str:
        names = self._configuration.names(self._group)
        values = ((name, self._configuration.get(self._path(name))) for name in names)
        shown = ", ".join(f"{name}={value!r}" for name, value in values if value is not None)
        return f"{type(self).__name__}({shown})"
