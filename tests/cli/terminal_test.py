#!/usr/bin/env python3
"""Runs commands on a terminal of a known width and reads what reached it.

    terminal_test.py BINARY [unittest options]
"""

import fcntl
import os
import pty
import re
import struct
import sys
import tempfile
import termios
import unittest
from pathlib import Path

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
ERASE = "\r\x1b[K"


def on_terminal(command: str, folder: Path, columns: int, **variables: str) -> tuple[int, str]:
    """Runs a line of bash with all three standard files on a new terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = world.environment(BINARY, folder) | variables
        os.execvpe("bash", ["bash", "-c", command], environment)
    text = b""
    while True:
        try:
            got = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not got:
            break
        text += got
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text.decode().replace("\r\n", "\n")


class OnTerminal(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        world.make(self.folder, BINARY)

    def test_progress_is_one_line_that_goes_away(self) -> None:
        exit_code, text = on_terminal("bascule import Llama-3.2-1B ck", self.folder, 80)
        self.assertEqual(exit_code, 0, text)
        progress, _, rest = text.rpartition(ERASE)
        self.assertTrue(progress, "nothing was drawn")
        self.assertNotIn("\n", progress)
        for line in COLOUR.sub("", progress).replace("\x1b[K", "").split("\r"):
            self.assertLess(len(line), 80)
        self.assertNotIn("\r", rest)
        self.assertRegex(COLOUR.sub("", rest), r"\Aimported Llama-3.2-1B\n")
        self.assertRegex(rest, r"\x1b\[32mverified:\x1b\[0m")

    def test_narrow(self) -> None:
        for columns in (1, 10, 40):
            exit_code, text = on_terminal(
                f"bascule import Llama-3.2-1B ck{columns} 2>&1 >/dev/null", self.folder, columns
            )
            self.assertEqual(exit_code, 0, text)
            for line in text.replace("\x1b[K", "").split("\r"):
                self.assertLessEqual(len(line.rstrip("\n")), columns)

    def test_quiet(self) -> None:
        self.assertEqual(
            on_terminal("bascule import Llama-3.2-1B ck --quiet", self.folder, 80), (0, "")
        )

    def test_no_colour(self) -> None:
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            for command in ("bascule --help", "bascule models", "bascule impotr"):
                _, text = on_terminal(command, self.folder, 80, **variables)
                self.assertNotIn("\x1b", text)

    def test_errors_are_red(self) -> None:
        exit_code, text = on_terminal("bascule impotr", self.folder, 80)
        self.assertEqual(exit_code, 2)
        self.assertTrue(text.startswith("bascule: \x1b[1;31merror:\x1b[0m unknown verb"), text)

    def test_json_is_not_coloured(self) -> None:
        exit_code, text = on_terminal("bascule models --json", self.folder, 80)
        self.assertEqual(exit_code, 0)
        self.assertNotIn("\x1b", text)

    def test_text_fits(self) -> None:
        pages = ["--help", "models", "import --help", "plan --help", "inspect Llama-3.2-1B"]
        for columns in (80, 100):
            for page in pages:
                _, text = on_terminal(f"bascule {page}", self.folder, columns)
                lines = COLOUR.sub("", text).splitlines()
                self.assertLessEqual(max(map(len, lines)), columns, page)
        _, wide = on_terminal("bascule --help", self.folder, 300)
        self.assertLessEqual(max(map(len, COLOUR.sub("", wide).splitlines())), 100)


if __name__ == "__main__":
    unittest.main()
