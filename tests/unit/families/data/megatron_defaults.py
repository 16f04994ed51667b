"""Prints megatron_defaults.yaml: what the providers of Megatron Bridge take when nothing is said.

    .venv/bin/python tests/unit/families/data/megatron_defaults.py > tests/unit/families/data/megatron_defaults.yaml

All settings of the general provider, and of the others those that differ from it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "interop"))

from oracle import boot  # noqa: E402

boot.install()

import yaml  # noqa: E402
from megatron.bridge.training.utils.config_utils import _ConfigContainerBase  # noqa: E402
from megatron.bridge.utils.instantiate_utils import _locate  # noqa: E402
from megatron.bridge.utils.yaml_utils import safe_yaml_representers  # noqa: E402

GENERAL = "megatron.bridge.models.gpt_provider.GPTModelProvider"
OTHERS = [
    "megatron.bridge.models.mistral.mistral_provider.MistralModelProvider",
    "megatron.bridge.models.gemma.gemma_provider.GemmaModelProvider",
    "megatron.bridge.models.gemma.gemma2_provider.Gemma2ModelProvider",
    "megatron.bridge.models.gemma.gemma3_provider.Gemma3ModelProvider",
]


def defaults(target: str) -> dict[str, object]:
    provider = _locate(target)(num_layers=1, hidden_size=64, num_attention_heads=1)
    with safe_yaml_representers():
        return yaml.safe_load(yaml.safe_dump(_ConfigContainerBase._convert_value_to_dict(provider)))


general = defaults(GENERAL)
for given in ("num_layers", "hidden_size", "num_attention_heads"):
    general.pop(given)
general.pop("_target_")
print(yaml.safe_dump({GENERAL: general}), end="")
for other in OTHERS:
    its = {k: v for k, v in defaults(other).items() if k in general and general[k] != v or k not in general}
    for given in ("num_layers", "hidden_size", "num_attention_heads", "_target_"):
        its.pop(given, None)
    print(yaml.safe_dump({other: its}), end="")
