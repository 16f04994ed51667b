"""The loss of the stock forward step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def masked_next_token_loss(
    loss_mask: Tensor, output_tensor: Tensor
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The loss of a micro-batch, summed over the tokens that count.

    Args:
        loss_mask: [sequences, length], how much each token counts.
        output_tensor: [sequences, length], the loss of each.

    Returns:
        The sum, the number of tokens, and both for the log, as "lm loss".
    """
    import torch

    mask = loss_mask.view(-1).float()
    loss = torch.sum(output_tensor.view(-1).float() * mask)
    tokens = mask.sum().detach()
    return loss, tokens, {"lm loss": torch.stack([loss.detach(), tokens])}
