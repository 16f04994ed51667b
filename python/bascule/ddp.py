"""The wrapper that data parallelism puts around a model; in a world of one it only passes on."""

from __future__ import annotations

from typing import Any

from torch import nn


class DistributedDataParallel(nn.Module):
    """Computes what `module` does. Names of parameters begin with "module.", as Megatron's."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `module` gives."""
        return self.module(*inputs, **named)

    def zero_grad_buffer(self) -> None:
        """Forgets all gradients."""
        self.zero_grad(set_to_none=True)
