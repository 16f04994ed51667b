"""RMSNorm of groups, with a gate before or after."""

import torch
import torch.nn.functional as functional


def gated_rms_norm(x, weight, eps, gate=None, group_size=None, norm_before_gate=True):
    wide = x.float()
    if gate is not None and not norm_before_gate:
        wide = wide * functional.silu(gate.float())
    groups = wide.unflatten(-1, (-1, group_size or x.shape[-1]))
    wide = (groups * torch.rsqrt(groups.pow(2).mean(-1, keepdim=True) + eps)).flatten(
        -2
    ) * weight.float()
    if gate is not None and norm_before_gate:
        wide = wide * functional.silu(gate.float())
    return wide.to(x.dtype)


class RMSNorm(torch.nn.Module):
    def __init__(
        self, hidden_size, eps=1e-5, group_size=None, norm_before_gate=True, device=None, dtype=None
    ):
        super().__init__()
        self.eps, self.group_size, self.norm_before_gate = eps, group_size, norm_before_gate
        self.weight = torch.nn.Parameter(torch.ones(hidden_size, device=device, dtype=dtype))

    def forward(self, x, z=None):
        return gated_rms_norm(x, self.weight, self.eps, z, self.group_size, self.norm_before_gate)
