"""Pretraining of Gemma: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

gemma2_27b_pretrain_config = pretrain_config("gemma2_27b")
gemma2_2b_pretrain_config = pretrain_config("gemma2_2b")
gemma2_9b_pretrain_config = pretrain_config("gemma2_9b")
gemma3_1b_pretrain_config = pretrain_config("gemma3_1b")
gemma_2b_pretrain_config = pretrain_config("gemma_2b")
gemma_7b_pretrain_config = pretrain_config("gemma_7b")

__all__ = [
    "gemma2_2b_pretrain_config",
    "gemma2_9b_pretrain_config",
    "gemma2_27b_pretrain_config",
    "gemma3_1b_pretrain_config",
    "gemma_2b_pretrain_config",
    "gemma_7b_pretrain_config",
]
