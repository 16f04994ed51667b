"""Pretraining of Mistral: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

mistral_7b_pretrain_config = pretrain_config("mistral_7b")
mistral_nemo_12b_pretrain_config = pretrain_config("mistral_nemo_12b")

__all__ = [
    "mistral_7b_pretrain_config",
    "mistral_nemo_12b_pretrain_config",
]
