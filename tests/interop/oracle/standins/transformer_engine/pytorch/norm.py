"""RMSNorm and LayerNorm."""

import torch
import torch.nn.functional as functional

from .module.base import TransformerEngineBaseModule


def normalized(x, kind: str, weight, bias, eps: float, zero_centered: bool):
    """Computed in float32."""
    gain = weight.float() + (1.0 if zero_centered else 0.0)
    wide = x.float()
    if kind == "RMSNorm":
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps) * gain
    else:
        wide = functional.layer_norm(
            wide, wide.shape[-1:], gain, None if bias is None else bias.float(), eps
        )
    return wide.to(x.dtype)


class Norm(TransformerEngineBaseModule):
    kind = ""

    def __init__(
        self,
        normalized_shape=None,
        eps=1e-5,
        sequence_parallel=None,
        params_dtype=None,
        zero_centered_gamma=False,
        hidden_size=None,
        device="cpu",
        dtype=None,
        **unused
    ):
        super().__init__()
        width = normalized_shape if normalized_shape is not None else hidden_size
        where = {"dtype": params_dtype or dtype, "device": device}
        self.eps, self.zero_centered_gamma, self.sequence_parallel = (
            eps,
            zero_centered_gamma,
            sequence_parallel,
        )
        self.weight = torch.nn.Parameter(
            (torch.zeros if zero_centered_gamma else torch.ones)(width, **where)
        )
        self.weight.sequence_parallel = sequence_parallel
        if self.kind == "LayerNorm":
            self.bias = torch.nn.Parameter(torch.zeros(width, **where))
            self.bias.sequence_parallel = sequence_parallel

    def forward(self, x):
        return normalized(
            x,
            self.kind,
            self.weight,
            getattr(self, "bias", None),
            self.eps,
            self.zero_centered_gamma,
        )


class LayerNorm(Norm):
    kind = "LayerNorm"


class RMSNorm(Norm):
    kind = "RMSNorm"
