"""Pretraining of SmolLM: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

smollm2_135m_pretrain_config = pretrain_config("smollm2_135m")

__all__ = [
    "smollm2_135m_pretrain_config",
]
