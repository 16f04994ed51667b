"""What bascule raises. The message of each is one whole sentence of the C++: what failed, with the
file, the tensor, both values, and a remedy where one is known.
"""

from __future__ import annotations

from typing import ClassVar

from bascule import _core


class Error(Exception):
    """Whatever bascule refuses or fails at; the subclasses say whose fault it is.

    Attributes:
        kind: the word that the command line's --json uses, for instance "format".
        exit_code: what the command line exits with for this kind.
    """

    __module__ = "bascule"
    kind: ClassVar[str]
    exit_code: ClassVar[int]

    def __str__(self) -> str:
        # Remedies are worded for the command line, which takes them from `args`.
        return super().__str__().replace("--overwrite", "overwrite=True")

    def __init_subclass__(cls, kind: str) -> None:
        cls.kind = kind
        cls.exit_code = _core.exit_code(kind)


class UserError(Error, ValueError, kind="user"):
    """A wrong argument, a model that is not there, or a target that exists. A ValueError, too, as
    Megatron Bridge's.
    """

    __module__ = "bascule"


class FormatError(Error, ValueError, kind="format"):
    """A file that cannot be parsed, breaks its format or is not there. A ValueError, too, as
    Megatron Bridge's.
    """

    __module__ = "bascule"


class MismatchError(Error, kind="mismatch"):
    """An unknown, missing or wrongly shaped tensor; a result that was not equal to its source."""

    __module__ = "bascule"


class UnsupportedError(Error, ValueError, kind="unsupported"):
    """An unknown architecture or key of config.json, or a combination that is not supported.

    A ValueError, too, as Megatron Bridge's.
    """

    __module__ = "bascule"


class ResourceError(Error, kind="environment"):
    """The machine's: an I/O error, no space, no memory, no permission, a lock of another's."""

    __module__ = "bascule"


class InternalError(Error, kind="internal"):
    """A defect of bascule; please report it."""

    __module__ = "bascule"


class StoppedError(Error, kind="interrupted"):
    """Work that was stopped; what stopped it is raised instead wherever it is an exception."""

    __module__ = "bascule"


BY_KIND: dict[str, type[Error]] = {
    each.kind: each
    for each in (
        UserError,
        FormatError,
        MismatchError,
        UnsupportedError,
        ResourceError,
        InternalError,
        StoppedError,
    )
}


class UnknownSettingError(UserError, AttributeError, kind="user"):
    """A name that is no setting, with the nearest one that is."""

    __module__ = "bascule"


class RefusedSettingError(UnsupportedError, AttributeError, kind="unsupported"):
    """A setting that Megatron has and bascule has not, with the reason."""

    __module__ = "bascule"


OF_SETTINGS: dict[str, type[Error]] = {
    each.kind: each for each in (UnknownSettingError, RefusedSettingError)
}


class ConversionWarning(UserWarning):
    """What to know of a conversion that goes on, such as what Megatron computes otherwise."""

    __module__ = "bascule"
