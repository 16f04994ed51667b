"""Settings in which Megatron, as Bridge 0.3.1 configures it, computes something else than
transformers.

Where Megatron-Core can be configured to agree, our run_config.yaml does so. Where it cannot, the
import warns.
"""

import json

import pytest
from conftest import DIFFERENT, Results
from oracle import checkpoints

TOLERANCE = 1e-4
REAL = 5e-4  # the smallest difference is gemma_gelu's: 7e-4
# What run_config.yaml has to say for Megatron to agree: gemma3 window 7 (of 8: it counts the keys
# before the query's own), gemma the exact gelu, which its first configurations ask for (Bridge takes
# the tanh form), mistral [7, 0], qwen2 also the layers that have a window, linear rope
# seq_len_interpolation_factor.
CONFIGURED = [
    "gemma3_window8",
    "gemma_gelu",
    "llama_rope_linear",
    "mistral_window8",
    "qwen2_window8",
]
# Megatron-Core knows one original length of llama3's rope. Gemma 2's layers with a window are the
# even ones in Bridge, the odd ones in transformers.
WARNED = {"gemma2_window8": "window", "llama_rope64": "original_max_position_embeddings"}


def test_every_difference_is_expected() -> None:
    assert sorted([*CONFIGURED, *WARNED]) == DIFFERENT


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_difference_is_real(name: str, results: Results) -> None:
    """With the configuration that Bridge makes, the very weights we wrote give other logits."""
    results.ran(f"{name}/import")
    assert results.done(f"{name}/load")["difference"] > REAL


@pytest.mark.parametrize("name", CONFIGURED)
def test_our_configuration_makes_megatron_agree(name: str, results: Results) -> None:
    run = results.ran(f"{name}/import")
    assert "warning" not in run.errors.lower()
    assert results.done(f"{name}/load as written")["difference"] <= TOLERANCE
    results.ran(f"{name}/import strictly")


@pytest.mark.parametrize("name", WARNED)
def test_import_warns_where_megatron_cannot_agree(name: str, results: Results) -> None:
    run = results.ran(f"{name}/import")
    warnings = [line for line in run.errors.splitlines() if "warning" in line.lower()]
    assert len(warnings) == 1, run.errors
    assert WARNED[name] in warnings[0]
    assert results.done(f"{name}/load as written")["difference"] > REAL
    state = checkpoints.iteration(results.path(name, "megatron")) / "bascule/state.json"
    assert WARNED[name] in json.dumps(
        json.loads(state.read_text())
    ), "the checkpoint does not record the difference"


@pytest.mark.parametrize("name", WARNED)
def test_required_logits_refuse_the_import(name: str, results: Results) -> None:
    run = results.bascule[f"{name}/import strictly"]
    assert run.code == 5, run.errors
    assert WARNED[name] in run.errors
    assert not results.path(name, "strict").exists() or not any(
        results.path(name, "strict").iterdir()
    )
