"""Each kind of gap that src/families/megatron_gaps.cpp warns of, measured; and settings near them
of which it does not, because Megatron agrees.
"""

import json
import re

import pytest
from conftest import ROOT, Results
from oracle import checkpoints, settings

TOLERANCE = 1e-4
REAL = 1e-2
# Functions of kGaps without a toy, for the reasons that settings.py gives; the others by the name
# of a toy that shows them (the first two are in test_known_differences.py).
KINDS = {
    "llama3_rope": "llama_rope64",
    "gemma2_windows": "gemma2_window8",
    "dynamic_rope": "llama_dynamic",
    "longrope": "llama_longrope",
    "scaling_of_gemma": "gemma_yarn",
    "yarn_details": "llama_yarn_attention",
    "gemma3_windows": "gemma3_types",
    "biases": "llama_attention_bias",
    "clipping": "olmoe_clip",
    "logit_cap": "gemma3_logit_cap",
    "router_sum": "qwen3_moe_top1",
    "local_theta": None,
    "several_windows": None,
    "mixed_layers": None,
    "score_cap": None,
}


def warnings(results: Results, name: str) -> list[str]:
    run = results.ran(f"{name}/import")
    return [line for line in run.errors.splitlines() if "warning" in line.lower()]


def test_every_kind_of_gap_is_here() -> None:
    source = (ROOT / "src/families/megatron_gaps.cpp").read_text()
    table = re.search(r"kGaps\[\]\)\(const Model&\) = \{(.*?)\}", source, re.DOTALL)
    assert table
    assert sorted(re.findall(r"\w+", table[1])) == sorted(KINDS)


@pytest.mark.parametrize("name", settings.GAPS)
def test_a_gap_is_warned_of_and_real(name: str, results: Results) -> None:
    (warning,) = warnings(results, name)
    assert settings.GAPS[name][2] in warning
    assert results.done(f"{name}/load as written")["difference"] > REAL


@pytest.mark.parametrize("name", settings.UNLOADABLE)
def test_what_megatron_does_not_load_is_warned_of(name: str, results: Results) -> None:
    (warning,) = warnings(results, name)
    assert settings.UNLOADABLE[name][2] in warning
    assert "error" in results.peers[f"{name}/load as written"]


@pytest.mark.parametrize("name", settings.WARNED)
def test_a_gap_is_recorded_and_refused_where_logits_are_required(
    name: str, results: Results
) -> None:
    said = settings.WARNED[name][2]
    state = checkpoints.iteration(results.path(name, "megatron")) / "bascule/state.json"
    assert any(said in text for text in json.loads(state.read_text())["warnings"])
    run = results.bascule[f"{name}/import strictly"]
    assert run.code == 5, run.errors
    assert said in run.errors


@pytest.mark.parametrize("name", settings.AGREEING)
def test_what_is_not_warned_of_agrees(name: str, results: Results) -> None:
    assert warnings(results, name) == []
    assert results.done(f"{name}/load as written")["difference"] <= TOLERANCE
    results.ran(f"{name}/import strictly")
