"""A `torch.nn.Module` of the user's, trained by the engine's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bascule.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from bascule._engine import Run


class OwnModule:
    """What the engine asks of a module: see engine/train/module.h.

    Attributes:
        parameters: name, value and whether it is trained, of each; a shared one comes once.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._named = list(module.named_parameters())
        _check_shapes(self._named)
        self.parameters = [(name, each.data, each.requires_grad) for name, each in self._named]
        self._modes: list[bool] = []

    def buffers(self) -> list[tuple[str, Tensor]]:
        """What the module's state_dict() has beside its parameters."""
        import torch

        own = {id(each) for _, each in self._named}
        found = []
        for name, value in self.module.state_dict(keep_vars=True).items():
            if not isinstance(value, torch.Tensor):
                raise UnsupportedError(
                    f"the module's state_dict() has {name}, a {type(value).__name__}; only tensors "
                    "are kept in checkpoints"
                )
            if id(value) not in own:
                found.append((name, value.detach()))
        return found

    def begin(self, run: Run) -> None:
        """Gives the parameters the memory of the run's."""
        for (_, each), value in zip(self._named, run.parameters(), strict=True):
            each.data = value
            each.grad = None

    def take_gradients(self, run: Run) -> None:
        """Moves every .grad into the run's gradients."""
        _check_dense(self._named)
        run.add_gradients([each.grad for _, each in self._named])
        for _, each in self._named:
            each.grad = None

    def train(self, training: bool) -> None:
        """For an evaluation, puts all modules into eval(); after it, back to how they were."""
        modules: list[Any] = list(self.module.modules())
        if not training and not self._modes:
            self._modes = [each.training for each in modules]
            self.module.eval()
        elif training and self._modes:
            for each, mode in zip(modules, self._modes, strict=True):
                each.training = mode
            self._modes = []


def _check_shapes(named: Iterable[tuple[str, nn.Parameter]]) -> None:
    from torch.nn.parameter import is_lazy

    for name, each in named:
        if is_lazy(each):
            raise UnsupportedError(
                f"the parameter {name} has no shape yet, as those of lazy modules; call the module "
                "once with a sample before pretrain()"
            )
        if each.numel() == 0:
            raise UnsupportedError(
                f"the parameter {name} is empty, of the shape {list(each.shape)}; there is nothing "
                "to train in it: leave it out of the module"
            )


def _check_dense(named: Iterable[tuple[str, nn.Parameter]]) -> None:
    import torch

    for name, each in named:
        if each.grad is not None and each.grad.layout != torch.strided:
            raise UnsupportedError(
                f"the gradient of {name} is sparse ({each.grad.layout}), and the optimizer takes "
                "dense ones; make its module with sparse=False"
            )
