"""The state space scan, one step after the other."""

import torch
import torch.nn.functional as functional

from .layernorm_gated import gated_rms_norm


def mamba_chunk_scan_combined(
    x,
    dt,
    A,
    B,
    C,
    chunk_size,
    D=None,
    z=None,
    dt_bias=None,
    initial_states=None,
    dt_softplus=False,
    dt_limit=(0.0, float("inf")),
    return_final_states=False,
    **unused
):
    """x: batch, length, heads, width; dt: batch, length, heads; A: heads; B, C: batch, length,
    groups, states.
    """
    batch, length, heads, width = x.shape
    repeats = heads // B.shape[2]
    wide = x.float()
    b, c = (tensor.float().repeat_interleave(repeats, 2) for tensor in (B, C))
    step = dt.float() + (0 if dt_bias is None else dt_bias.float())
    step = (functional.softplus(step) if dt_softplus else step).clamp(*dt_limit)
    state = (
        torch.zeros(batch, heads, width, B.shape[-1])
        if initial_states is None
        else initial_states.float()
    )
    out = []
    for i in range(length):
        kept = state * (step[:, i] * A.float())[..., None, None].exp()
        state = kept + torch.einsum("bh,bhp,bhn->bhpn", step[:, i], wide[:, i], b[:, i])
        out.append(torch.einsum("bhpn,bhn->bhp", state, c[:, i]))
    y = torch.stack(out, 1)
    if D is not None:
        y = y + wide * (D.float()[:, None] if D.dim() == 1 else D.float())
    if z is not None:
        y = y * functional.silu(z.float())
    return (y.to(x.dtype), state) if return_final_states else y.to(x.dtype)


def mamba_split_conv1d_scan_combined(
    zxbcdt,
    conv1d_weight,
    conv1d_bias,
    dt_bias,
    A,
    D,
    chunk_size,
    dt_limit=(0.0, float("inf")),
    activation="silu",
    rmsnorm_weight=None,
    rmsnorm_eps=1e-6,
    outproj_weight=None,
    outproj_bias=None,
    headdim=None,
    ngroups=1,
    norm_before_gate=True,
    **unused
):
    heads = D.shape[0]
    width = headdim if headdim is not None else D.shape[1]
    inner = heads * width
    states = (zxbcdt.shape[-1] - 2 * inner - heads) // (2 * ngroups)
    gate, xbc, dt = torch.split(zxbcdt, [inner, inner + 2 * ngroups * states, heads], -1)
    kernel = conv1d_weight if conv1d_weight.dim() == 3 else conv1d_weight.unsqueeze(1)
    bias = None if conv1d_bias is None else conv1d_bias.to(xbc.dtype)
    padded = functional.conv1d(
        xbc.transpose(1, 2),
        kernel.to(xbc.dtype),
        bias,
        padding=kernel.shape[-1] - 1,
        groups=kernel.shape[0],
    )
    xbc = padded[..., : xbc.shape[1]].transpose(1, 2)
    if activation in ("silu", "swish"):
        xbc = functional.silu(xbc)
    x, b, c = torch.split(xbc, [inner, ngroups * states, ngroups * states], -1)
    y = mamba_chunk_scan_combined(
        x.unflatten(-1, (heads, width)),
        dt,
        A,
        b.unflatten(-1, (ngroups, states)),
        c.unflatten(-1, (ngroups, states)),
        chunk_size,
        D=D,
        dt_bias=dt_bias,
        dt_softplus=True,
        dt_limit=dt_limit,
        z=gate.unflatten(-1, (heads, width)) if rmsnorm_weight is None else None,
    ).flatten(-2)
    if rmsnorm_weight is not None:
        y = gated_rms_norm(y, rmsnorm_weight, rmsnorm_eps, gate, inner // ngroups, norm_before_gate)
    return y if outproj_weight is None else functional.linear(y, outproj_weight, outproj_bias)
