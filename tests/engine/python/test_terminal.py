"""What `bascule-engine train` shows on a terminal, and what it does not show elsewhere."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from conftest import ROOT, one_thread

ERASE = "\r\x1b[K"
LINE = re.compile(
    r"training  \[=*>? *\]  step ([ \d]\d) of 10  loss (\d+\.\d{4})(?:  +\d[\d.:]* (?:s|min|h) left)?"
)


def on_terminal(command: list[str], columns: int = 80, stdout: int | None = None) -> tuple[int, str]:
    """Runs with all three standard files on a new terminal, or with stdout elsewhere."""
    outside, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal if stdout is None else stdout, stderr=terminal,
        env=one_thread() | {"TERM": "xterm"}, cwd=ROOT,
    )  # fmt: skip
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):  # of an end whose other end is closed
        while got := os.read(outside, 65536):
            text += got
    os.close(outside)
    return process.wait(timeout=60), text.decode().replace("\r\n", "\n")


def drawn(text: str) -> list[str]:
    """The live lines of a training, in their order."""
    pieces = re.split(r"\r|\n", text.replace("\x1b[K", ""))
    return [piece for piece in pieces if piece.startswith("training")]


def test_live_line_stays_below_megatrons_lines(train) -> None:
    code, text = on_terminal(train.command("run", "checkpoint.save_interval=4"))
    assert code == 0, text
    found = [LINE.fullmatch(line) for line in drawn(text)]
    assert all(found), drawn(text)
    assert {int(match[1]) for match in found} == set(range(1, 11))
    assert any("left" in line for line in drawn(text))
    assert all(len(line) < 80 for line in drawn(text))
    written = text.split(ERASE)
    for step in range(1, 11):  # whole, where the live line was
        (line,) = [part for part in written if f"iteration {step:8}/      10 |" in part]
        assert re.match(r" \[[\d :-]+\] iteration .* number of nan iterations:   0 \|\n", line)
    last = written[-1]
    assert "\r" not in last and "\x1b" not in last  # nothing is left of it
    assert last.endswith("done: step 10 of 10\n")


def test_narrow_terminal(train) -> None:
    for columns in (1, 20, 45):
        code, text = on_terminal(train.command(f"run{columns}"), columns)
        assert code == 0, text
        lines = drawn(text)
        assert columns < 20 or lines
        assert all(len(line) < max(columns, 2) for line in lines)


def test_live_line_is_on_stderr(train, tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        code, text = on_terminal(train.command("run"), stdout=out.fileno())
    assert code == 0, text
    assert drawn(text) and "iteration" not in text
    told = (tmp_path / "out").read_text()
    assert told.count("] iteration ") == 10 and "\x1b" not in told


def test_no_live_line_elsewhere(train) -> None:
    told = train("run")
    assert "training  " not in told.stdout + told.stderr
    assert "\x1b" not in told.stdout + told.stderr
    assert on_terminal([*train.command("quiet"), "--quiet"]) == (0, "")
    code, text = on_terminal([*train.command("json"), "--json"])
    assert code == 0, text
    assert not drawn(text)
