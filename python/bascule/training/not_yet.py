"""Names of Megatron Bridge's training API that exist here, and work later."""

from __future__ import annotations

from bascule.not_yet import not_yet

finetune = not_yet(
    "finetune",
    "pretrain() goes on from weights: checkpoint.pretrained_checkpoint names a Hugging Face "
    "directory or a Megatron checkpoint",
)
distill = not_yet("distill", "a forward_step of your own may compute any loss, a teacher's too")
vlm_forward_step = not_yet("vlm_step.forward_step", "language models are what is trained so far")
llava_forward_step = not_yet(
    "llava_step.forward_step", "language models are what is trained so far"
)
