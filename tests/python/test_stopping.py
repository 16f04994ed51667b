"""Ctrl-C and exceptions stop a call, leave nothing under its target's name, and come out."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import bascule
from conftest import GOLDEN, contents

ROWS = 1_000_000  # hundreds of megabytes: enough to be stopped amid the work
CHILD = """
import sys, threading, bascule
assert "torch" not in sys.modules and "numpy" not in sys.modules
print("ready", flush=True)
try:
    bascule.import_checkpoint("large", "ck")
except KeyboardInterrupt as stopped:
    print("stopped:", *getattr(stopped, "__notes__", []), flush=True)
    print("threads:", threading.active_count(), flush=True)
else:
    print("done", flush=True)
"""


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any(path.stat().st_size for path in folder.glob(pattern)):
            return
        time.sleep(0.005)


def test_ctrl_c(large: Callable[[int], Path], tmp_path: Path) -> None:
    model = large(ROWS)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    wait_for("ck/.*partial-*/journal", tmp_path, child)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    lines = out.splitlines()
    assert lines[0] == "ready"
    assert lines[1].startswith("stopped:"), out
    assert lines[2] == "threads: 1"
    assert not (tmp_path / "ck" / "iter_0000000").exists()
    assert not (tmp_path / "ck" / "latest_checkpointed_iteration.txt").exists()
    if sys.version_info >= (3, 11):
        assert "stopped by KeyboardInterrupt; what is done is kept in ck/.iter_0000000" in lines[1]

    notes: list[str] = []  # the same call goes on from there

    class Notes:
        def phase(self, name: str, total_bytes: int) -> None: ...
        def advance(self, bytes: int) -> None: ...
        def warn(self, text: str) -> None: ...
        def note(self, text: str) -> None:
            notes.append(text)

    assert bascule.import_checkpoint("large", "ck", progress=Notes()).verified
    assert any(note.startswith("resuming ") for note in notes)
    assert bascule.verify(model, "ck")


class Refusal(Exception):
    """A user's own."""


def refuse(phase: str, done: int, total: int) -> None:
    raise Refusal(phase)


def refuse_later(phase: str, done: int, total: int) -> None:
    if done > 0:
        raise Refusal(phase)


def test_an_exception_of_a_callback_comes_out_as_itself(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="writing") as raised:
        bascule.import_checkpoint(GOLDEN / "llama" / "hf", "ck", progress=refuse)
    shown = "".join(traceback.format_exception(raised.value))
    assert "in refuse\n" in shown
    assert "raise Refusal(phase)" in shown
    if sys.version_info >= (3, 11):
        assert raised.value.__notes__ == ["stopped by Refusal"]
    assert contents(tmp_path / "ck") == {}


def test_it_stops_amid_the_work(large: Callable[[int], Path], tmp_path: Path) -> None:
    large(ROWS)
    with pytest.raises(Refusal, match="writing"):
        bascule.import_checkpoint("large", "ck", threads=1, progress=refuse_later)
    assert not (tmp_path / "ck" / "iter_0000000").exists()
    bascule.import_checkpoint("large", "ck")
    with pytest.raises(Refusal, match="writing"):
        bascule.export_checkpoint("ck", "hf", progress=refuse_later)
    assert not (tmp_path / "hf").exists()
    with pytest.raises(Refusal, match="verifying"):
        bascule.verify("large", "ck", progress=refuse_later)
    with pytest.raises(Refusal, match="checking the manifest"):
        bascule.verify("ck", progress=refuse_later)


def test_a_handler_of_a_signal_may_let_it_go_on(large: Callable[[int], Path]) -> None:
    large(ROWS // 4)
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        assert bascule.import_checkpoint("large", "ck").verified
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen


def test_other_threads_run_meanwhile(large: Callable[[int], Path]) -> None:
    model = large(ROWS // 2)
    ticks: list[str] = []
    doing = ""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.001):
            ticks.append(doing)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        doing = "import"
        bascule.import_checkpoint(model, "ck")
        doing = "verify"
        assert bascule.verify(model, "ck")
        doing = ""
    finally:
        ended.set()
        ticker.join()
    assert ticks.count("import") > 5
    assert ticks.count("verify") > 5


def test_several_threads_convert_at_once(tmp_path: Path) -> None:
    models = ["llama", "qwen2", "qwen3", "mistral"]
    errors: list[BaseException] = []

    def convert(model: str) -> None:
        try:
            source = GOLDEN / model / "hf"
            for _ in range(3):
                bascule.import_checkpoint(source, model, overwrite=True)
                assert bascule.verify(source, model)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=convert, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_callback_may_call_bascule() -> None:
    families: list[str] = []

    def look(phase: str, done: int, total: int) -> None:
        families.append(bascule.inspect(GOLDEN / "qwen2" / "hf").family)

    bascule.import_checkpoint(GOLDEN / "llama" / "hf", "ck", progress=look)
    assert set(families) == {"qwen2"}
