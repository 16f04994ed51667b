"""What long calls tell, whom, and from which thread."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import bascule
from conftest import GOLDEN

LLAMA = GOLDEN / "llama" / "hf"


class Recorder:
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int]] = []
        self.done: list[int] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.threads: set[int] = set()

    def phase(self, name: str, total_bytes: int) -> None:
        self.threads.add(threading.get_ident())
        self.phases.append((name, total_bytes))
        self.done.append(0)

    def advance(self, bytes: int) -> None:
        self.threads.add(threading.get_ident())
        self.done[-1] += bytes

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_an_object_is_told_all_by_the_thread_that_called() -> None:
    told = Recorder()
    outcome = bascule.import_checkpoint(LLAMA, "ck", progress=told)
    assert [name for name, _ in told.phases] == ["writing", "verifying"]
    assert told.phases[0][1] == outcome.bytes_written
    assert told.done == [total for _, total in told.phases]
    assert told.threads == {threading.get_ident()}

    told = Recorder()
    bascule.export_checkpoint("ck", "hf", progress=told)
    assert told.done == [total for _, total in told.phases]
    assert len(told.phases) == 2

    told = Recorder()
    bascule.verify("ck", "hf", progress=told)
    assert told.phases[0][0] == "verifying"
    told = Recorder()
    bascule.verify("ck", progress=told)
    assert told.phases[0][0] == "checking the manifest"
    assert told.done == [total for _, total in told.phases]


def test_a_function_is_told_three_values(large: Callable[[int], Path]) -> None:
    calls: list[tuple[str, int, int]] = []
    bascule.import_checkpoint(
        large(200_000), "ck", progress=lambda phase, done, total: calls.append((phase, done, total))
    )
    assert calls[0] == ("writing", 0, calls[0][2])
    by_phase: dict[str, list[tuple[int, int]]] = {}
    for phase, done, total in calls:
        by_phase.setdefault(phase, []).append((done, total))
    assert list(by_phase) == ["writing", "verifying"]
    for values in by_phase.values():
        assert [done for done, _ in values] == sorted(done for done, _ in values)
        assert values[0][0] == 0
        assert values[-1][0] == values[-1][1] > 0


def test_true_shows_the_command_lines_progress(capfd: pytest.CaptureFixture[str]) -> None:
    bascule.import_checkpoint(LLAMA, "ck", progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "bascule: writing, " in err
    for silent in (None, False):
        bascule.import_checkpoint(LLAMA, "ck", overwrite=True, progress=silent)
        assert capfd.readouterr() == ("", "")


def test_what_is_no_progress_is_refused() -> None:
    for wrong in ("yes", 3, object()):
        with pytest.raises(TypeError, match="progress takes True, a function"):
            bascule.import_checkpoint(LLAMA, "ck", progress=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("back", [False, True])
def test_warnings_are_pythons_and_the_outcomes(back: bool) -> None:
    source = GOLDEN / "gemma2" / "hf"
    told = Recorder()
    if back:
        bascule.import_checkpoint(source, "ck")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if back:
            outcome = bascule.export_checkpoint("ck", "hf", progress=told)
        else:
            outcome = bascule.import_checkpoint(source, "ck", progress=told)
    assert outcome.warnings
    assert told.warnings == list(outcome.warnings) == [str(each.message) for each in caught]
    assert {each.category for each in caught} == {bascule.ConversionWarning}
    assert {each.filename for each in caught} == {__file__}


def test_warnings_that_are_errors_stop_before_anything_is_written(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(bascule.ConversionWarning):
            bascule.import_checkpoint(GOLDEN / "gemma2" / "hf", "ck")
    assert not (tmp_path / "ck").exists()


def test_require_megatron_logits_makes_them_errors() -> None:
    with pytest.raises(bascule.UnsupportedError, match="megatron-logits"):
        bascule.import_checkpoint(GOLDEN / "gemma2" / "hf", "ck", require_megatron_logits=True)


def test_a_file_that_is_not_in_the_manifest_is_noted(tmp_path: Path) -> None:
    bascule.import_checkpoint(LLAMA, "ck")
    (tmp_path / "ck" / "iter_0000000" / "stray.txt").write_text(json.dumps({}))
    told = Recorder()
    assert bascule.verify("ck", progress=told)
    assert told.notes == ["stray.txt is not in the manifest and was not checked"]
