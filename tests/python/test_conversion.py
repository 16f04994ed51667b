"""What Python converts is, byte for byte, what the command line does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bascule
from conftest import GOLDEN, MODELS, command_line, contents


@pytest.mark.parametrize("model", MODELS)
def test_both_ways_are_the_command_lines(model: str, tmp_path: Path) -> None:
    source = GOLDEN / model / "hf"
    imported = bascule.import_checkpoint(source, "python")
    done = command_line("import", source, "program", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "python") == contents(tmp_path / "program")
    assert Path(imported.target) == Path("python/iter_0000000")
    assert imported.verified

    exported = bascule.export_checkpoint("python", "python-hf")
    done = command_line("export", "program", "program-hf", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "python-hf") == contents(tmp_path / "program-hf")
    assert exported.verified
    assert bascule.verify(source, "python-hf")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"dtype": "fp32"}, ["--dtype", "fp32"]),
        ({"dtype": "float16", "memory": "64M"}, ["--dtype", "float16", "--memory", "64M"]),
        ({"memory": 2**27, "threads": 1}, ["--memory", str(2**27), "--threads", "1"]),
        ({"iteration": 7, "compat": "wide"}, ["--iteration", "7", "--compat", "wide"]),
        ({"padded_vocab_multiple": 128}, ["--padded-vocab-multiple", "128"]),
        ({"verify": False}, ["--no-verify"]),
        ({"overwrite": True, "family": "llama"}, ["--overwrite", "--family", "llama"]),
    ],
)
def test_keywords_are_its_options(
    keywords: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    source = GOLDEN / "llama" / "hf"
    outcome = bascule.import_checkpoint(source, "python", **keywords)  # type: ignore[arg-type]
    done = command_line("import", source, "program", "--json", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "python") == contents(tmp_path / "program")
    assert outcome.verified is json.loads(done.stdout)["verified"]


def test_ignored_keys_are_left_out_of_account(toy: Path) -> None:
    config = json.loads((toy / "config.json").read_text())
    config |= {"one_unheard_of": 1, "another": 2}
    (toy / "config.json").write_text(json.dumps(config))
    with pytest.raises(bascule.UnsupportedError, match=r"one_unheard_of|another"):
        bascule.import_checkpoint(toy, "out")
    keys = ["one_unheard_of", "another"]
    assert bascule.import_checkpoint(toy, "out", ignore_keys=keys).verified
    assert bascule.inspect("out").family == "llama"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    outcome = bascule.import_checkpoint(GOLDEN / "llama" / "hf", "out", dry_run=True)
    assert outcome.bytes_written > 0
    assert not outcome.verified
    assert not (tmp_path / "out").exists()


def test_what_megatron_bridge_wrote_is_exported(tmp_path: Path) -> None:
    source = GOLDEN / "llama_tp2" / "megatron"
    outcome = bascule.export_checkpoint(source, "out", family="llama")
    assert outcome.family == "llama"
    assert bascule.verify(GOLDEN / "llama_tp2" / "hf", "out")


def test_an_overwritten_target_is_the_new_one(tmp_path: Path) -> None:
    source = GOLDEN / "llama" / "hf"
    bascule.import_checkpoint(source, "out")
    before = contents(tmp_path / "out")
    with pytest.raises(bascule.UserError, match="pass overwrite=True to replace it"):
        bascule.import_checkpoint(source, "out", dtype="float32")
    assert contents(tmp_path / "out") == before
    bascule.import_checkpoint(source, "out", dtype="float32", overwrite=True)
    assert {tensor.dtype for tensor in bascule.inspect("out").tensors} == {"float32"}


def test_paths_are_bytes_of_any_kind(tmp_path: Path) -> None:
    strange = bytes(tmp_path) + b"/\xff\xfe"
    bascule.import_checkpoint(GOLDEN / "llama" / "hf", strange)  # type: ignore[arg-type]
    name = tmp_path / "\udcff\udcfe"
    assert bascule.verify(name)
    assert bascule.inspect(str(name)).path == f"{name}/iter_0000000"
