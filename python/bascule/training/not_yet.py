"""Names of Megatron Bridge's training API that exist here, and work later."""

from __future__ import annotations

from typing import Any, NoReturn

from bascule.errors import UnsupportedError


def _not_yet(name: str, instead: str) -> Any:
    def raises(*given: Any, **named: Any) -> NoReturn:
        raise UnsupportedError(f"{name}() is not there yet; {instead}")

    raises.__name__ = raises.__qualname__ = name.split(".")[-1]
    raises.__doc__ = "Not there yet.\n\n    Raises:\n        bascule.UnsupportedError: always."
    return raises


finetune = _not_yet(
    "finetune",
    "pretrain() goes on from weights: checkpoint.pretrained_checkpoint names a Hugging Face "
    "directory or a Megatron checkpoint",
)
distill = _not_yet("distill", "a forward_step of your own may compute any loss, a teacher's too")
vlm_forward_step = _not_yet("vlm_step.forward_step", "language models are what is trained so far")
llava_forward_step = _not_yet(
    "llava_step.forward_step", "language models are what is trained so far"
)
