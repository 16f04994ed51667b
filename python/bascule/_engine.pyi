"""What is compiled of bascule's models. Use the package's functions, not these."""

import os

import torch

from bascule.progress import Progress
from bascule.reports import Outcome

class Model:
    @property
    def family(self) -> str: ...
    @property
    def vocab_size(self) -> int: ...
    def parameters(self) -> list[tuple[str, torch.Tensor, bool]]: ...
    def load_weights(self, path: str | os.PathLike[str], /) -> None: ...
    def save_hf(
        self,
        target: str | os.PathLike[str],
        overwrite: bool,
        verify: bool,
        listener: Progress,
        line: bool,
        /,
    ) -> Outcome: ...
    def save_checkpoint(
        self,
        target: str | os.PathLike[str],
        iteration: int,
        listener: Progress,
        line: bool,
        /,
    ) -> str: ...

class Forward:
    def logits(self) -> torch.Tensor: ...
    def losses(self, labels: torch.Tensor, /) -> torch.Tensor: ...
    def backward(
        self, gradient: torch.Tensor, labels: torch.Tensor | None, wanted: list[bool]
    ) -> list[torch.Tensor | None]: ...

class HfTensors:
    def __init__(self, model: Model, /) -> None: ...
    def __len__(self) -> int: ...
    def next(self) -> tuple[str, torch.Tensor] | None: ...

def describe(path: str | os.PathLike[str] | None, config: str) -> tuple[str, str]: ...
def check(path: str | os.PathLike[str] | None, config: str, settings: str) -> None: ...
def hold(
    path: str | os.PathLike[str] | None,
    config: str,
    settings: str,
    dtype: str,
    device: str,
    with_weights: bool,
    seed: int,
) -> Model: ...
def forward(
    model: Model, tokens: torch.Tensor, positions: torch.Tensor | None, kept: bool
) -> Forward: ...
