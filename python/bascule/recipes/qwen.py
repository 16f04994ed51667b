"""Pretraining of Qwen: a function for each recipe of the library."""

from bascule.recipes.pretraining import pretrain_config

qwen25_14b_pretrain_config = pretrain_config("qwen25_14b")
qwen25_1p5b_pretrain_config = pretrain_config("qwen25_1p5b")
qwen25_32b_pretrain_config = pretrain_config("qwen25_32b")
qwen25_500m_pretrain_config = pretrain_config("qwen25_500m")
qwen25_72b_pretrain_config = pretrain_config("qwen25_72b")
qwen25_7b_pretrain_config = pretrain_config("qwen25_7b")
qwen2_1p5b_pretrain_config = pretrain_config("qwen2_1p5b")
qwen2_500m_pretrain_config = pretrain_config("qwen2_500m")
qwen2_72b_pretrain_config = pretrain_config("qwen2_72b")
qwen2_7b_pretrain_config = pretrain_config("qwen2_7b")
qwen3_14b_pretrain_config = pretrain_config("qwen3_14b")
qwen3_1p7b_pretrain_config = pretrain_config("qwen3_1p7b")
qwen3_235b_a22b_pretrain_config = pretrain_config("qwen3_235b_a22b")
qwen3_30b_a3b_pretrain_config = pretrain_config("qwen3_30b_a3b")
qwen3_32b_pretrain_config = pretrain_config("qwen3_32b")
qwen3_4b_pretrain_config = pretrain_config("qwen3_4b")
qwen3_600m_pretrain_config = pretrain_config("qwen3_600m")
qwen3_8b_pretrain_config = pretrain_config("qwen3_8b")

__all__ = [
    "qwen2_1p5b_pretrain_config",
    "qwen2_7b_pretrain_config",
    "qwen2_72b_pretrain_config",
    "qwen2_500m_pretrain_config",
    "qwen3_1p7b_pretrain_config",
    "qwen3_4b_pretrain_config",
    "qwen3_8b_pretrain_config",
    "qwen3_14b_pretrain_config",
    "qwen3_30b_a3b_pretrain_config",
    "qwen3_32b_pretrain_config",
    "qwen3_235b_a22b_pretrain_config",
    "qwen3_600m_pretrain_config",
    "qwen25_1p5b_pretrain_config",
    "qwen25_7b_pretrain_config",
    "qwen25_14b_pretrain_config",
    "qwen25_32b_pretrain_config",
    "qwen25_72b_pretrain_config",
    "qwen25_500m_pretrain_config",
]
