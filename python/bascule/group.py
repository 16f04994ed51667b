"""A group of settings as attributes. The C++ knows their names, types and ranges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from bascule import _core
from bascule.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: bool) -> Callable[[type], type]:
        """Python 3.11's, which only type checkers and editors look at."""
        return lambda kind: kind


@dataclass_transform(kw_only_default=True, eq_default=False)
class Group:
    """Settings as attributes, checked when they are set.

    A container's group is a view of it. One that is made alone, `TrainSettings(train_iters=10)`, is
    assigned as a whole: what was not set has its default then, whatever it was in the container,
    and the group is the container's view from then on. `copy.copy` makes another one alone.

    Raises:
        bascule.UnknownSettingError: a name that is none, with the nearest that is; an
            AttributeError, too.
        bascule.RefusedSettingError: a setting of Megatron's that does not exist here, with the
            reason; an AttributeError, too.
        bascule.UserError: a value of another type or out of range, with what is accepted; a group
            of other settings, or of another container.
    """

    __slots__ = ("_configuration", "_given")
    _configuration: _core.Configuration
    _given: set[str] | None  # what was set while it is alone; None: a container has it
    _group: ClassVar[str] = ""
    _groups: ClassVar[Mapping[str, type[Group]]] = {}

    def __init_subclass__(cls) -> None:
        """Fields have defaults for type checkers and editors only: the C++ has the values."""
        for name in vars(cls).get("__annotations__", ()):
            if name in vars(cls) and not name.startswith("_"):
                delattr(cls, name)

    def __init__(self, **settings: object) -> None:
        self._hold(_core.Configuration("{}", type(self).__name__), set())
        taken = {}
        for name, value in settings.items():
            setattr(self, name, value)
            taken[name] = getattr(self, name)
        for name, value in taken.items():
            if (kept := getattr(self, name)) != value:
                raise UserError(f"{self._path(name)} is {value!r}, and {kept!r} by its other name")

    @classmethod
    def _of(cls, configuration: _core.Configuration) -> Self:
        """A container's."""
        self = cls.__new__(cls)
        self._hold(configuration, None)
        return self

    def _hold(self, configuration: _core.Configuration, given: set[str] | None) -> None:
        object.__setattr__(self, "_configuration", configuration)
        object.__setattr__(self, "_given", given)

    # Type checkers know the fields, and are not told that there could be others.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in self._groups:
                return self._groups[name]._of(self._configuration)
            return self._configuration.get(self._path(name))

        def __setattr__(self, name: str, value: object) -> None:
            if isinstance(value, Group) and not self._group:
                self._assign(name, value)
                return
            self._configuration.set(self._path(name), value)
            if self._given is not None:
                self._given.add(name)

    def _path(self, name: str) -> str:
        return f"{self._group}.{name}" if self._group else name

    @classmethod
    def _fields(cls) -> list[str]:
        """All names of the group, Megatron's other ones included."""
        kinds = [kind for kind in cls.__mro__ if kind is not Group]
        return [name for kind in kinds for name in vars(kind).get("__annotations__", ())]

    def _assign(self, name: str, value: Group) -> None:
        if value._group != name:
            if name in self._groups:
                raise UserError(f"{name} cannot be {value!r}: those are settings of {value._group}")
            self._configuration.set(name, value)  # says what the name is
        if value._given is None:
            raise UserError(
                f"{name} is a group of settings of a container already, and two cannot share it; "
                "assign copy.copy(...) of it"
            )
        for field in value._fields():
            path = value._path(field)
            new = value._configuration.get(path)
            if field in value._given or new != self._configuration.get(path):
                self._configuration.set(path, new)
        value._hold(self._configuration, None)

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[object, ...]]:
        made = type(self)()
        given = self._given or ()
        values = {name: getattr(self, name) for name in self._fields()}
        kept = {
            name: value
            for name, value in values.items()
            if name in given or value != getattr(made, name)
        }
        return partial(type(self), **kept), ()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._groups, *self._configuration.names(self._group)]

    def __repr__(self) -> str:
        names = self._configuration.names(self._group)
        values = ((name, self._configuration.get(self._path(name))) for name in names)
        shown = ", ".join(f"{name}={value!r}" for name, value in values if value is not None)
        return f"{type(self).__name__}({shown})"
