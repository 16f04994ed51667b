"""Names and arguments of Megatron Bridge's that exist here, and work later."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

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


class Argument(NamedTuple):
    """What is accepted of an argument.

    Attributes:
        accepted: the values that ask for what is done; None: any does.
        why: nothing else can be asked for, or no value changes anything.
    """

    accepted: tuple[object, ...] | None
    why: str

    def check(self, name: str, value: object) -> None:
        """Raises an UnsupportedError where the value is not accepted."""
        if self.accepted is not None and value not in self.accepted:
            raise UnsupportedError(f"{name}={value!r} is not there yet: {self.why}")


ONE_RANK = "one rank only so far"

_NO_STAGES = "pipeline stages are not there yet"

# Arguments of Megatron Bridge's methods.
_ARGUMENTS: dict[str, Argument] = {
    "allowed_mismatched_params": Argument((None,), "every tensor must fit"),
    "data_parallel_random_init": Argument(None, ONE_RANK),
    "hf_path": Argument((None,), "tasks are those of the model alone"),
    "hf_tokenizer_kwargs": Argument((None,), "a tokenizer's files travel with the model's"),
    "hf_tokenizer_path": Argument((None,), "a tokenizer's files travel with the model's"),
    "init_model_with_meta_device": Argument((None, False), "a model always has its weights"),
    "low_memory_save": Argument(
        (False,), "saving makes no second copy of the weights, and keeps the model"
    ),
    "merge_adapter_weights": Argument((True,), "adapters are not there yet"),
    "mixed_precision_wrapper": Argument(
        (None, "Float16Module"), "the engine computes in the dtype of the parameters"
    ),
    "model_type": Argument(None, "models are decoders"),
    "overlap_param_gather_with_optimizer_step": Argument(None, ONE_RANK),
    "pg_collection": Argument((None,), ONE_RANK),
    "post_process": Argument((None, True), _NO_STAGES),
    "pre_process": Argument((None, True), _NO_STAGES),
    "seed_kwargs": Argument((None,), "one seed is all that random weights are drawn from"),
    "source_path": Argument((None,), "a model's own code travels with it"),
    "strict": Argument((True,), "what is written is always whole"),
    "use_megatron_fsdp": Argument((None, False), ONE_RANK),
    "use_torch_fsdp2": Argument((None, False), ONE_RANK),
    "vp_stage": Argument((None,), _NO_STAGES),
}


def refuse(**given: object) -> None:
    """Checks arguments of which only some values are there.

    Raises:
        bascule.UnsupportedError: another value, with the reason.
    """
    for name, value in given.items():
        _ARGUMENTS[name].check(name, value)
