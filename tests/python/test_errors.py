"""Errors: their class, their message as the command line's, their exit code."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import bascule
from bascule.errors import BY_KIND
from conftest import GOLDEN, command_line

LLAMA = str(GOLDEN / "llama" / "hf")


def break_config(toy: Path) -> None:
    (toy / "config.json").write_text("{")


def drop_a_tensor(toy: Path) -> None:
    file = toy / "model.safetensors"
    file.write_bytes(file.read_bytes().replace(b"model.norm.weight", b"model.form.weight"))


def name_another_architecture(toy: Path) -> None:
    config = json.loads((toy / "config.json").read_text()) | {"architectures": ["NoSuchModel"]}
    (toy / "config.json").write_text(json.dumps(config))


def occupy_the_target(toy: Path) -> None:
    iteration = toy.parent / "out" / "iter_0000000"
    iteration.mkdir(parents=True)
    (iteration / "metadata.json").write_text("{}")


def make_the_weights_a_folder(toy: Path) -> None:
    (toy / "model.safetensors").unlink()
    (toy / "model.safetensors").mkdir()


@pytest.mark.parametrize(
    ("prepare", "error", "kind", "exit_code"),
    [
        (occupy_the_target, bascule.UserError, "user", 2),
        (break_config, bascule.FormatError, "format", 3),
        (drop_a_tensor, bascule.MismatchError, "mismatch", 4),
        (name_another_architecture, bascule.UnsupportedError, "unsupported", 5),
        (make_the_weights_a_folder, bascule.ResourceError, "environment", 6),
    ],
)
def test_each_kind_is_the_command_lines(
    prepare: Callable[[Path], None],
    error: type[bascule.Error],
    kind: str,
    exit_code: int,
    toy: Path,
) -> None:
    prepare(toy)
    with pytest.raises(bascule.Error) as raised:
        bascule.import_checkpoint("toy", "out")
    assert type(raised.value) is error
    assert (raised.value.kind, raised.value.exit_code) == (kind, exit_code)
    done = command_line("import", "toy", "out", "--json", folder=toy.parent)
    said = json.loads(done.stdout)["error"]
    message = said["message"].replace("--overwrite", "overwrite=True")
    assert (said["kind"], said["exit"], message) == (kind, exit_code, str(raised.value))
    assert done.returncode == exit_code


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"dtype": "int7"}, "dtype takes one of bfloat16, float16, float32, not 'int7'"),
        ({"memory": "lots"}, "memory takes bytes such as 150M or 1G, not 'lots'"),
        ({"memory": 1000}, "memory takes at least 64 MiB, not '1000'"),
        ({"memory": -1}, "memory takes bytes such as 150M or 1G, not '-1'"),
        ({"memory": True}, "memory takes a value, not 'True'"),
        ({"threads": 0}, "threads takes a number from 1 to 1024, not 0"),
        ({"threads": 1.5}, "threads takes a whole number, not '1.5'"),
        ({"threads": [1, 2]}, "threads takes one value"),
        ({"iteration": -1}, "iteration takes a number from 0 to 999999999999, not -1"),
        ({"compat": "wild"}, "compat takes one of default, wide, not 'wild'"),
        ({"padded_vocab_multiple": 0}, "padded_vocab_multiple takes a number from 1 to 16777216"),
        ({"overwrite": "yes"}, "overwrite takes True or False, not 'yes'"),
        ({"family": "lama"}, "unknown family 'lama'; did you mean llama?"),
    ],
)
def test_wrong_keywords_are_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(bascule.UserError) as raised:
        bascule.import_checkpoint(LLAMA, "out", **keywords)  # type: ignore[arg-type]
    assert str(raised.value).replace('"', "'").startswith(message)
    assert not os.path.exists("out")


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ("", "out", bascule.UserError, "source is empty"),
        (LLAMA, "", bascule.UserError, "target is empty"),
        ("a\0b", "out", ValueError, "null"),
        (None, "out", TypeError, "PathLike"),
        (LLAMA, 3, TypeError, "PathLike"),
        ("nowhere", "out", bascule.Error, "nowhere"),
    ],
)
def test_paths_that_are_none(
    source: object, target: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        bascule.import_checkpoint(source, target)  # type: ignore[arg-type]


def test_unknown_keywords_are_pythons() -> None:
    with pytest.raises(TypeError, match="overwrit"):
        bascule.import_checkpoint(LLAMA, "out", overwrit=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        bascule.export_checkpoint(LLAMA, "out", "bfloat16")  # type: ignore[call-arg]


def test_to_is_checked() -> None:
    with pytest.raises(bascule.UserError, match="to takes one of megatron, hf, not"):
        bascule.plan(LLAMA, "nemo")
    with pytest.raises(bascule.Error, match="3"):
        bascule.plan(LLAMA, "megatron", tp=3)


def test_all_are_errors_and_survive_pickling() -> None:
    assert {kind: each.exit_code for kind, each in BY_KIND.items()} == {
        "user": 2,
        "format": 3,
        "mismatch": 4,
        "unsupported": 5,
        "environment": 6,
        "internal": 70,
        "interrupted": 130,
    }
    for each in BY_KIND.values():
        error = pickle.loads(pickle.dumps(each("a.json: no")))
        assert type(error) is each
        assert isinstance(error, bascule.Error)
        assert str(error) == "a.json: no"
        assert each.__module__ == "bascule"
        assert getattr(bascule, each.__name__) is each
