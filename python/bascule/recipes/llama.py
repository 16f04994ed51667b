"""Pretraining of Llama: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

llama2_7b_pretrain_config = pretrain_config("llama2_7b")
llama31_405b_pretrain_config = pretrain_config("llama31_405b")
llama31_70b_pretrain_config = pretrain_config("llama31_70b")
llama31_8b_pretrain_config = pretrain_config("llama31_8b")
llama32_1b_pretrain_config = pretrain_config("llama32_1b")
llama32_3b_pretrain_config = pretrain_config("llama32_3b")
llama33_70b_pretrain_config = pretrain_config("llama33_70b")
llama3_70b_pretrain_config = pretrain_config("llama3_70b")
llama3_70b_16k_pretrain_config = pretrain_config("llama3_70b_16k")
llama3_70b_64k_pretrain_config = pretrain_config("llama3_70b_64k")
llama3_8b_pretrain_config = pretrain_config("llama3_8b")
llama3_8b_128k_pretrain_config = pretrain_config("llama3_8b_128k")
llama3_8b_16k_pretrain_config = pretrain_config("llama3_8b_16k")
llama3_8b_64k_pretrain_config = pretrain_config("llama3_8b_64k")

__all__ = [
    "llama2_7b_pretrain_config",
    "llama3_8b_16k_pretrain_config",
    "llama3_8b_64k_pretrain_config",
    "llama3_8b_128k_pretrain_config",
    "llama3_8b_pretrain_config",
    "llama3_70b_16k_pretrain_config",
    "llama3_70b_64k_pretrain_config",
    "llama3_70b_pretrain_config",
    "llama31_8b_pretrain_config",
    "llama31_70b_pretrain_config",
    "llama31_405b_pretrain_config",
    "llama32_1b_pretrain_config",
    "llama32_3b_pretrain_config",
    "llama33_70b_pretrain_config",
]
