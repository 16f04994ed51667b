"""Every field of what comes back, against files and against the command line's JSON."""

from __future__ import annotations

import dataclasses
import json
import shutil
import struct
from pathlib import Path

import pytest

import bascule
from bascule import Verdict
from conftest import GOLDEN, command_line

LLAMA = GOLDEN / "llama" / "hf"


def plain(value: object) -> object:
    """Dataclasses as the command line's JSON has them."""
    if isinstance(value, bascule.Verdict):
        return value.value
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if dataclasses.is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    return value


def flip(model: Path, tensor: str, element: int) -> None:
    """Flips the lowest bit of one bf16 element."""
    file = model / "model.safetensors"
    data = bytearray(file.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    entry = json.loads(data[8 : 8 + size])[tensor]
    data[8 + size + entry["data_offsets"][0] + 2 * element] ^= 1
    file.write_bytes(data)


def bf16(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits << 16))[0])


def stored_bits(model: Path, tensor: str, element: int) -> int:
    data = (model / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    start = 8 + size + json.loads(data[8 : 8 + size])[tensor]["data_offsets"][0] + 2 * element
    return int(struct.unpack("<H", data[start : start + 2])[0])


def test_a_flipped_bit_is_found_with_index_and_values(toy: Path) -> None:
    tensor = "model.layers.1.self_attn.k_proj.weight"
    shape = next(each.shape for each in bascule.inspect(toy).tensors if each.name == tensor)
    flip(toy, tensor, 3 * shape[1] + 5)
    bascule.import_checkpoint(LLAMA, "ck")
    report = bascule.verify("ck", toy)
    assert not report
    assert not report.equal
    assert report.count(Verdict.DIFFERS) == 1
    assert report.count(Verdict.EQUAL) == len(report.tensors) - 1
    (row,) = (each for each in report.tensors if each.verdict is Verdict.DIFFERS)
    assert row.second_tensor == tensor
    assert row.first_tensor == "decoder.layers.self_attention.linear_qkv.weight"
    assert row.name == "layers.1.attn.k"
    assert (row.first_dtype, row.second_dtype) == ("bfloat16", "bfloat16")
    assert (row.shape, row.second_shape) == (shape, ())
    assert (row.elements, row.differing, row.first_at) == (shape[0] * shape[1], 1, (3, 5))
    bits = stored_bits(LLAMA, tensor, 3 * shape[1] + 5)
    assert float(row.first_value) == pytest.approx(bf16(bits), rel=1e-6)
    assert float(row.second_value) == pytest.approx(bf16(bits ^ 1), rel=1e-6)
    assert row.first_value != row.second_value
    assert len(row.hash) == 32
    assert str(row) == row.sentence
    assert row.sentence.startswith(f"layers.1.attn.k differs: 1 of {row.elements} elements")
    assert "[3, 5]" in row.sentence
    assert repr(report) == (
        f"Report(equal=False, elements={report.elements:_}, "
        f"tensors=<{len(report.tensors) - 1} equal, 1 differs, 0 absent, 0 extra>)"
    )


@pytest.mark.parametrize("flipped", [False, True])
def test_a_report_is_the_command_lines(flipped: bool, toy: Path, tmp_path: Path) -> None:
    if flipped:
        flip(toy, "model.norm.weight", 0)
    report = bascule.verify(LLAMA, toy)
    said = json.loads(command_line("verify", LLAMA, toy, "--json", folder=tmp_path).stdout)
    assert (report.equal, report.elements) == (said["equal"], said["elements"])
    assert plain(report.notes) == said["notes"]
    assert {each.value: report.count(each) for each in Verdict} == said["counts"]
    for row, line in zip(report.tensors, said["tensors"], strict=True):
        assert line.items() <= plain(row).items()  # type: ignore[attr-defined]


def test_an_outcome(toy: Path, tmp_path: Path) -> None:
    outcome = bascule.import_checkpoint(toy, "ck")
    said = json.loads(
        command_line("import", toy, "ck", "--overwrite", "--json", folder=tmp_path).stdout
    )
    for field in ("target", "family", "parameters", "tensors_read", "tensors_written"):
        assert getattr(outcome, field) == said[field]
    assert outcome.bytes_written == said["bytes_written"]
    assert plain(outcome.warnings) == said["warnings"]
    assert plain(outcome.ignored_keys) == said["ignored_keys"] == []
    assert outcome.verified is True
    assert outcome.report.equal
    assert outcome.report.count(Verdict.EQUAL) == said["compared"]["equal"] > 0
    assert [(step.name, step.bytes) for step in outcome.steps] == [
        (step["name"], step["bytes"]) for step in said["steps"]
    ]
    assert all(step.seconds >= 0 for step in outcome.steps)
    assert {"write", "verify"} <= {step.name for step in outcome.steps}
    assert "target='ck/iter_0000000'" in repr(outcome)


def test_an_inspection(tmp_path: Path) -> None:
    seen = bascule.inspect(LLAMA)
    said = json.loads(command_line("inspect", LLAMA, "--tensors", "--json", folder=tmp_path).stdout)
    assert plain(seen) == said
    assert list(seen.facts) == list(said["facts"])
    assert seen.format == "Hugging Face safetensors"
    assert (seen.family, seen.architecture) == ("llama", "LlamaForCausalLM")
    assert (
        seen.parameters * 2
        == seen.bytes_by_dtype["bfloat16"]
        == sum(tensor.bytes for tensor in seen.tensors)
    )
    assert repr(seen).startswith(f"Inspection({str(LLAMA)!r}, format='Hugging Face safetensors'")


def test_a_plan(tmp_path: Path) -> None:
    listing = bascule.plan(LLAMA, "megatron", only="*layers.0.*qkv*", tp=2, threads=1)
    words = ["--to", "megatron", "--only", "*layers.0.*qkv*", "--tp", "2"]
    said = json.loads(command_line("plan", LLAMA, *words, "--json", folder=tmp_path).stdout)
    assert plain(listing) == said | {"note": ""}
    assert listing.copies > 0
    assert str(listing) == "\n".join(listing.lines)
    assert repr(listing).startswith("PlanListing('llama', copies=")


@pytest.mark.parametrize("size", ["tp", "pp", "vpp", "cp", "ep", "etp"])
def test_each_parallel_size_counts(size: str, tmp_path: Path) -> None:
    source = GOLDEN / ("gemma2" if size == "vpp" else "qwen3_moe") / "hf"
    together = {"pp": {"pp": 3}, "vpp": {"pp": 2, "vpp": 2}, "etp": {"tp": 2, "etp": 1}}
    sizes = together.get(size, {size: 2})
    words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
    listing = bascule.plan(source, "megatron", **sizes)  # type: ignore[arg-type]
    done = command_line("plan", source, "--to", "megatron", "--json", *words, folder=tmp_path)
    assert plain(listing) == json.loads(done.stdout) | {"note": ""}


def test_a_pattern_that_matches_nothing_is_noted(tmp_path: Path) -> None:
    listing = bascule.plan(LLAMA, "megatron", only="nothing")
    assert (listing.copies, listing.lines) == (0, ())
    done = command_line("plan", LLAMA, "--to", "megatron", "--only", "nothing", folder=tmp_path)
    assert done.stderr == f"bascule: note: {listing.note}\n"


def test_a_self_check(tmp_path: Path) -> None:
    bascule.import_checkpoint(LLAMA, "ck")
    check = bascule.verify("ck")
    assert check
    assert check.has_manifest
    assert check.problems == ()
    said = json.loads(command_line("verify", "ck", "--json", folder=tmp_path).stdout)
    assert (check.files, check.tensors) == (said["files"], said["tensors"])

    file = next((tmp_path / "ck").rglob("*.distcp"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    check = bascule.verify("ck")
    assert not check
    assert file.name in check.problems[0]

    shutil.rmtree(tmp_path / "ck")
    check = bascule.verify(LLAMA)
    assert check
    assert not check.has_manifest


def test_models_and_machine(tmp_path: Path) -> None:
    said = json.loads(command_line("models", "--json", folder=tmp_path).stdout)["families"]
    assert [plain(family) for family in bascule.models()] == [
        {("name" if key == "family" else key): value for key, value in row.items()} for row in said
    ]
    machine = plain(bascule.doctor())
    said = json.loads(command_line("doctor", "--json", folder=tmp_path).stdout)
    assert isinstance(machine, dict)
    assert set(machine) == set(said)
    for field in (
        "cores",
        "memory",
        "memory_limit",
        "disk_path",
        "disk_size",
        "file_system",
        "gpus",
    ):
        assert machine[field] == said[field]


def test_reports_cannot_be_changed() -> None:
    family = bascule.models()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        family.name = "other"  # type: ignore[misc]
