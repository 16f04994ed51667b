"""Names and arguments of Megatron Bridge's that exist here, and work later."""

from __future__ import annotations

from typing import Any, NoReturn

from bascule.errors import RefusedSettingError, UnsupportedError


def not_yet(name: str, instead: str) -> Any:  # noqa: ANN401
    """A function that says that there is none so far, and what to use instead."""

    def raises(*given: object, **named: object) -> NoReturn:
        raise UnsupportedError(f"{name}() is not there yet; {instead}")

    raises.__name__ = raises.__qualname__ = name.split(".")[-1]
    raises.__doc__ = "Not there yet.\n\n    Raises:\n        bascule.UnsupportedError: always."
    return raises


def no_attribute(name: str, instead: str) -> Any:  # noqa: ANN401
    """The same for an attribute; the error is an AttributeError, too."""

    def raises(self: object) -> NoReturn:
        raise RefusedSettingError(f"{name} is not there yet; {instead}")

    return property(raises, doc="Not there yet.")


# What is done, and why nothing else can be asked for.
_ARGUMENTS: dict[str, tuple[object, str]] = {
    "allowed_mismatched_params": (None, "every tensor must fit"),
    "hf_path": (None, "tasks are those of the model alone"),
    "hf_tokenizer_kwargs": (None, "a tokenizer's files travel with the model's"),
    "hf_tokenizer_path": (None, "a tokenizer's files travel with the model's"),
    "low_memory_save": (False, "saving makes no second copy of the weights, and keeps the model"),
    "merge_adapter_weights": (True, "adapters are not there yet"),
    "source_path": (None, "a model's own code travels with it"),
    "strict": (True, "what is written is always whole"),
}


def refuse(**given: object) -> None:
    """Checks arguments of which only the default is there.

    Raises:
        bascule.UnsupportedError: another value, with the reason.
    """
    for name, value in given.items():
        default, reason = _ARGUMENTS[name]
        if value != default:
            raise UnsupportedError(f"{name}={value!r} is not there yet: {reason}")
