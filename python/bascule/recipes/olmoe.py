"""Pretraining of OLMoE: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

olmoe_7b_pretrain_config = pretrain_config("olmoe_7b")

__all__ = [
    "olmoe_7b_pretrain_config",
]
