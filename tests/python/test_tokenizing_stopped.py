"""Tokenizing that is killed, stopped or disturbed goes on, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bascule
import bascule.data
import world
from bascule.data import lines, tokenizing
from conftest import BINARY, GOLDEN, ROOT, command_line, contents
from test_docs import blocks

TOKENIZER = GOLDEN / "llama" / "hf"
CHILD = """
import sys, time
import bascule.data
from bascule.data import lines, tokenizing
lines.PIECE, tokenizing.RECORD_SECONDS = 1500, 0.0
bascule.data.tokenize(sys.argv[2:], sys.argv[1], "out", append_eod=True, workers=2,
                      skip_bad_rows=True, progress=lambda *at: time.sleep(0.01))
"""


@pytest.fixture
def pages(tmp_path: Path) -> list[str]:
    for name in ("a", "b"):
        rows = [json.dumps({"text": f"{name} {n} " * (n % 9)}) for n in range(1500)]
        rows[700] = "bad"
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    return ["a.jsonl", "b.jsonl"]


def start(pages: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, TOKENIZER, *pages])


def journal() -> Path | None:
    return next(Path().glob(".out.partial-*/journal"), None)


def place() -> list[int]:
    """Where the record says that the work stands: input, bytes, line."""
    path = journal()
    if path is None:
        return [0, 0, 0]
    try:
        found: list[int] = json.loads(json.loads(path.read_text())["position"])["place"]
    except FileNotFoundError:  # it has just ended
        return [9, 0, 0]
    return found


def wait_for(process: subprocess.Popen[bytes], wanted: list[int]) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and place() < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def result() -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in ("out.bin", "out.idx")}


class Notes:
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def phase(self, name: str, total_bytes: int) -> None: ...
    def advance(self, bytes: int) -> None: ...
    def warn(self, text: str) -> None: ...
    def note(self, text: str) -> None:
        self.notes.append(text)


def whole(pages: list[str], prefix: str = "whole") -> dict[str, bytes]:
    outcome = bascule.data.tokenize(
        pages, TOKENIZER, prefix, append_eod=True, skip_bad_rows=True, workers=1
    )
    assert outcome.skipped_rows == len(pages)
    return {f"out{end}": Path(f"{prefix}{end}").read_bytes() for end in (".bin", ".idx")}


def test_killed_again_and_again(pages: list[str]) -> None:
    expected = whole(pages)
    size = Path("a.jsonl").stat().st_size
    kills = 0
    for wanted in (
        [0, 1, 0],
        [0, size // 3, 0],
        [0, size * 2 // 3, 0],
        [1, 1, 0],
        [1, size // 2, 0],
    ):
        process = start(pages)
        wait_for(process, wanted)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        assert not list(Path().glob("out*"))
    assert kills == 5
    notes = Notes()
    outcome = bascule.data.tokenize(
        pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True, progress=notes
    )
    assert outcome.skipped_rows == 2
    assert result() == expected
    assert notes.notes[0].startswith("resuming b.jsonl at line ")
    assert not list(Path().glob(".out*"))


def test_workers_end_with_a_killed_caller(pages: list[str]) -> None:
    process = start(pages)
    wait_for(process, [0, 1, 0])
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    workers = [int(each) for path in children for each in path.read_text().split()]
    assert workers
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{each}").exists() for each in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_while_the_files_get_their_names(
    pages: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every state between the last record and the end, made by hand."""
    expected = whole(pages)
    process = start(pages)
    wait_for(process, [1, 1, 0])
    process.kill()
    process.wait()
    build = Path(next(Path().glob(".out.partial-*")))
    told = json.loads((build / "journal").read_text())
    told["complete"] = True
    for name, data in expected.items():
        (build / "data" / name).write_bytes(data)
    (build / "journal").write_text(json.dumps(told))
    (build / "data" / "out.bin").rename("out.bin")
    bascule.data.tokenize(pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True)
    assert result() == expected
    assert not list(Path().glob(".out*"))


def test_a_changed_input_is_noticed(pages: list[str]) -> None:
    process = start(pages)
    wait_for(process, [1, 1, 0])
    process.kill()
    process.wait()
    with open("a.jsonl", "a") as file:
        file.write('\n{"text": "one more"}')
    notes = Notes()
    bascule.data.tokenize(
        pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True, progress=notes
    )
    assert len(notes.notes) == 1
    assert (
        "is unfinished work of another command on this target and is left alone" in notes.notes[0]
    )
    assert result() == whole(pages)


def test_damaged_work_is_noticed(pages: list[str]) -> None:
    process = start(pages)
    wait_for(process, [1, 1, 0])
    process.kill()
    process.wait()
    (build,) = Path().glob(".out.partial-*")
    kept = (build / "data" / "out.bin").read_bytes()
    for content, said in (
        (b"\0" + kept[1:], "out.bin does not hold what was written: its hash is"),
        (kept[:10], "out.bin is 10 bytes long, but "),
    ):
        (build / "data" / "out.bin").write_bytes(content)
        with pytest.raises(bascule.FormatError, match=said):
            bascule.data.tokenize(pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True)
    (build / "data" / "out.bin").write_bytes(kept)
    (build / "journal").write_text("{}")
    with pytest.raises(bascule.FormatError, match="is no record of work: "):
        bascule.data.tokenize(pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True)


def test_an_input_that_is_changed_meanwhile(pages: list[str]) -> None:
    def touch(phase: str, done: int, total: int) -> None:
        os.utime("a.jsonl", ns=(1, 1))

    with pytest.raises(bascule.ResourceError, match=r"a\.jsonl was changed while it was tokenized"):
        bascule.data.tokenize(pages, TOKENIZER, "out", skip_bad_rows=True, progress=touch)
    assert not list(Path().glob("out*"))


class Refusal(Exception):
    """A caller's own."""


def test_an_exception_of_a_callback(pages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE", 1500)
    monkeypatch.setattr(tokenizing, "RECORD_SECONDS", 0.0)

    def refuse(phase: str, done: int, total: int) -> None:
        if done > total // 2:
            raise Refusal

    with pytest.raises(Refusal):
        bascule.data.tokenize(
            pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True, progress=refuse
        )
    assert not list(Path().glob("out*"))
    bascule.data.tokenize(pages, TOKENIZER, "out", append_eod=True, skip_bad_rows=True)
    assert result() == whole(pages)


def test_a_worker_that_is_killed(pages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE", 1500)
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remember(*words: object, **keywords: object) -> subprocess.Popen[bytes]:
        started.append(popen(*words, **keywords))  # type: ignore[call-overload]
        return started[-1]

    def kill(phase: str, done: int, total: int) -> None:
        if done > total // 2:
            started[0].kill()

    monkeypatch.setattr(subprocess, "Popen", remember)
    with pytest.raises(bascule.ResourceError, match="a process that tokenized ended"):
        bascule.data.tokenize(pages, TOKENIZER, "out", skip_bad_rows=True, workers=1, progress=kill)
    assert all(each.poll() is not None for each in started)


def command(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in (BINARY, "data", "tokenize", *words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


def test_the_command_line(pages: list[str], tmp_path: Path) -> None:
    expected = whole(pages)
    to = ["--tokenizer", TOKENIZER, "--output", "out", "--append-eod", "--workers", 2]
    done = command(*pages, *to)
    assert done.returncode == 3
    assert "error: a.jsonl: line 701 cannot be used: it is no JSON" in done.stderr
    done = command(*pages, *to, "--skip-bad-rows", "--json")
    assert done.returncode == 0, done.stderr
    (dataset,) = json.loads(done.stdout)["datasets"]
    assert dataset["prefix"] == "out"
    assert dataset["documents"] == 2 * 1499
    assert "2 rows were left out; the first: a.jsonl: line 701" in done.stderr
    assert result() == expected
    done = command(*pages, *to)
    assert (done.returncode, "out.bin exists; --overwrite replaces it" in done.stderr) == (2, True)
    done = command(*pages, *to, "--skip-bad-rows", "--overwrite", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert result() == expected
    assert command_line("data", "check", "out", folder=tmp_path).returncode == 0


def test_a_signal_stops_the_command(pages: list[str]) -> None:
    expected = whole(pages)
    rows = Path("a.jsonl").read_text().splitlines() * 40
    Path("a.jsonl").write_text("\n".join(rows))  # seconds of work
    words = ["--tokenizer", str(TOKENIZER), "--output", "out", "--workers", "1", "--skip-bad-rows"]
    process = subprocess.Popen(
        [BINARY, "data", "tokenize", "a.jsonl", *words], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while journal() is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert "stopped by SIGTERM; what is done is kept: the same command goes on" in errors
    assert not list(Path().glob("out*"))
    assert expected


def test_mistakes_of_the_command_line(pages: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    bare = folder / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    to = ["--tokenizer", TOKENIZER, "--output", "out"]
    done = command(*pages, *to, BASCULE_PYTHON=str(bare))
    assert done.returncode == 6
    assert f"{bare} could not tokenize; it needs the packages bascule and tokeni" in done.stderr
    for words, code, said in (
        (["a.jsonl"], 2, "tokenize needs --tokenizer and --output"),
        (["a.jsonl", *to, "--vocabulary", 5], 2, "--vocabulary belongs to check, not to tokenize"),
        (["none.jsonl", *to], 6, "cannot open none.jsonl: No such file"),
        (["a.jsonl", "--tokenizer", "no/such/place", "--output", "out"], 2, "does not exist"),
    ):
        done = command(*words)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_current_folder_is_not_trusted(pages: list[str], tmp_path: Path) -> None:
    for name in ("bascule.py", "tokenizers.py", "json.py"):
        Path(name).write_text("raise SystemExit('run from the current folder')")
    before = contents(tmp_path)
    done = command(*pages, "--tokenizer", TOKENIZER, "--output", "out", "--skip-bad-rows")
    assert done.returncode == 0, done.stderr
    after = contents(tmp_path)
    assert set(after) - set(before) == {"out.bin", "out.idx"}


def test_a_package_that_is_missing(pages: list[str], tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "tokenizers.py").write_text("raise ImportError('hidden')")
    to = ["--tokenizer", TOKENIZER, "--output", "out"]
    path = f"{hidden}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = command(*pages, *to, PYTHONPATH=path)
    assert done.returncode == 6
    assert "tokenizing needs the Python package tokenizers, which cannot be" in done.stderr
    assert "pip install tokenizers" in done.stderr


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    """docs/data.md, as it is written."""
    world.make(tmp_path, BINARY)
    (tmp_path / "pages.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    page = (ROOT / "docs" / "data.md").read_text()
    install, *commands = blocks(page, "")[0].splitlines()
    assert install.startswith("pip install '.[data]'")
    path = f"{BINARY.parent}{os.pathsep}{os.environ['PATH']}"
    for each in commands:
        subprocess.run(["bash", "-c", each], env=os.environ | {"PATH": path}, check=True)
    (program,) = blocks(page, "python")
    exec(program, {})
    assert Path("more.bin").read_bytes() == Path("pages.bin").read_bytes()
