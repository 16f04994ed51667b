"""Attention, in float32."""

import math

import torch

from .module.base import TransformerEngineBaseModule


class DotProductAttention(TransformerEngineBaseModule):
    def __init__(
        self,
        num_attention_heads,
        kv_channels,
        num_gqa_groups=None,
        attention_dropout=0.0,
        qkv_format="sbhd",
        attn_mask_type="causal",
        window_size=None,
        tp_size=1,
        softmax_scale=None,
        softmax_type="vanilla",
        **unused
    ):
        super().__init__()
        width = kv_channels if isinstance(kv_channels, int) else kv_channels[0]
        self.hidden_size_per_attention_head_k = width
        self.softmax_scale = softmax_scale or 1.0 / math.sqrt(width)
        self.window_size, self.softmax_type, self.attn_mask_type = (
            window_size,
            softmax_type,
            attn_mask_type,
        )
        heads = num_attention_heads // tp_size
        if softmax_type == "learnable":
            self.register_parameter("softmax_offset", torch.nn.Parameter(torch.zeros(heads)))
        else:
            self.softmax_offset = torch.zeros(heads) if softmax_type == "off-by-one" else None
        self.register_load_state_dict_post_hook(self._forgive_extra_state)

    @staticmethod
    def _forgive_extra_state(module, incompatible_keys) -> None:
        """As in Transformer Engine: a checkpoint may lack core_attention._extra_state."""
        missing = incompatible_keys.missing_keys
        missing[:] = [key for key in missing if "core_attention._extra_state" not in key]

    def set_context_parallel_group(self, *unused, **named) -> None:
        pass

    def forward(
        self,
        query,
        key,
        value,
        attention_mask=None,
        attn_mask_type=None,
        core_attention_bias=None,
        qkv_format="sbhd",
        **unused
    ):
        if qkv_format != "sbhd":
            raise NotImplementedError(qkv_format)
        kind = attn_mask_type or self.attn_mask_type
        q, k, v = (tensor.permute(1, 2, 0, 3).float() for tensor in (query, key, value))
        repeats = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
        scores = q @ k.transpose(-1, -2) * self.softmax_scale
        if core_attention_bias is not None:
            scores = scores + core_attention_bias.float()
        rows, columns = scores.shape[-2:]
        scores = scores.masked_fill(self._hidden(kind, rows, columns), -math.inf)
        if attention_mask is not None and ("arbitrary" in kind or "padding" in kind):
            scores = scores.masked_fill(attention_mask, -math.inf)
        if self.softmax_offset is not None:
            sink = (
                self.softmax_offset.float().view(1, -1, 1, 1).expand(scores.shape[0], -1, rows, 1)
            )
            scores = torch.cat([scores, sink], -1)
        out = (torch.softmax(scores, -1)[..., :columns] @ v).to(query.dtype)
        return out.permute(2, 0, 1, 3).reshape(rows, query.shape[1], -1)

    def _hidden(self, kind: str, rows: int, columns: int):
        """A window (left, right) shows left keys before the query's, its own, and right keys after
        it.
        """
        distance = torch.arange(columns)[None, :] - torch.arange(rows)[:, None] - (columns - rows)
        hidden = torch.zeros(rows, columns, dtype=torch.bool)
        if "causal" in kind:
            hidden |= distance > 0
        left, right = self.window_size if self.window_size is not None else (-1, -1)
        if left >= 0:
            hidden |= distance < -left
        if right >= 0:
            hidden |= distance > right
        return hidden
