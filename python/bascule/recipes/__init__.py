"""The settings of the library's recipes, by the names of Megatron Bridge's functions.

from bascule.recipes.llama import llama32_1b_pretrain_config
cfg = llama32_1b_pretrain_config(seq_length=1024)
"""

from bascule.recipes.gemma import *  # noqa: F403
from bascule.recipes.llama import *  # noqa: F403
from bascule.recipes.mistral import *  # noqa: F403
from bascule.recipes.olmoe import *  # noqa: F403
from bascule.recipes.qwen import *  # noqa: F403
from bascule.recipes.smollm import *  # noqa: F403
