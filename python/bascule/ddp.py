"""The wrapper that data parallelism puts around a model; in a world of one it only passes on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class DistributedDataParallel(nn.Module):
    """Computes what `module` does. As with Megatron's, names of parameters begin with "module.",
    and those of state_dict() are the module's own.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `module` gives."""
        return self.module(*inputs, **named)

    def state_dict(self, prefix: str = "", keep_vars: bool = False, destination: Any = None) -> Any:
        """What the module's own gives."""
        return self.module.state_dict(prefix=prefix, keep_vars=keep_vars, destination=destination)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """What the module's own does."""
        return self.module.load_state_dict(state_dict, strict=strict, assign=assign)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients add up as they do outside of it: there is nobody to sum them with."""
        yield

    def zero_grad_buffer(self) -> None:
        """Forgets all gradients."""
        self.zero_grad(set_to_none=True)
