"""Every family against the real Megatron-Core, Megatron Bridge and transformers."""

from pathlib import Path

import pytest
import torch
from conftest import FAMILIES, GOLDEN, Results
from oracle import checkpoints

TOLERANCE = 1e-4
every_family = pytest.mark.parametrize("name", FAMILIES)


def same(expected: checkpoints.Digest, found: checkpoints.Digest) -> None:
    lines = checkpoints.differences(expected, found)
    assert not lines, "\n".join(lines)


@every_family
def test_import_equals_what_bridge_wrote(name: str, results: Results) -> None:
    """Keys (`_extra_state` included), shapes, dtypes, bytes, as torch reads them."""
    results.ran(f"{name}/import")
    expected = checkpoints.megatron(GOLDEN / name / "megatron")
    same(expected, checkpoints.megatron(results.path(name, "megatron")))


@every_family
def test_megatron_loads_and_agrees_with_transformers(name: str, results: Results) -> None:
    results.ran(f"{name}/import")
    loaded = results.done(f"{name}/load")
    assert loaded["difference"] <= TOLERANCE
    assert loaded["unnoticed"] == [], "tensors that could be wrong without a change of the logits"


@every_family
def test_megatron_agrees_with_our_run_config(name: str, results: Results) -> None:
    results.ran(f"{name}/import")
    assert results.done(f"{name}/load as written")["difference"] <= TOLERANCE


@every_family
def test_bridge_exports_what_we_imported(name: str, results: Results) -> None:
    results.ran(f"{name}/import")
    results.done(f"{name}/bridge export")
    expected = checkpoints.hugging_face(results.hf(name))
    same(expected, checkpoints.hugging_face(results.path(name, "bridge_exported")))


@every_family
def test_export_of_what_bridge_wrote_is_the_original(name: str, results: Results) -> None:
    results.ran(f"{name}/export golden")
    expected = checkpoints.hugging_face(results.hf(name))
    same(expected, checkpoints.hugging_face(results.path(name, "golden_exported")))


@every_family
def test_round_trip_returns_every_file(name: str, results: Results) -> None:
    results.ran(f"{name}/export")
    original, returned = results.hf(name), results.path(name, "exported")
    same(checkpoints.hugging_face(original), checkpoints.hugging_face(returned))
    for path in sorted(original.iterdir()):
        if path.suffix != ".safetensors":
            assert (returned / path.name).read_bytes() == path.read_bytes(), path.name


@every_family
@pytest.mark.parametrize("what", ["exported", "golden_exported"])
def test_transformers_loads_our_exports(name: str, what: str, results: Results) -> None:
    """The second has a configuration that was made from run_config.yaml alone."""
    results.ran(f"{name}/export" if what == "exported" else f"{name}/export golden")
    results.done(f"{name}/{what}")
    expected, found = (
        torch.load(results.work / f"{name}.{which}.pt") for which in ("reference", what)
    )
    assert torch.equal(expected["ids"], found["ids"])
    assert torch.equal(expected["logits"], found["logits"])


def test_every_golden_has_a_family() -> None:
    assert len(FAMILIES) >= 12
    assert all(
        Path(GOLDEN, name, "megatron/latest_checkpointed_iteration.txt").exists()
        for name in FAMILIES
    )
