#!/usr/bin/env python3
"""Stops conversions with signals: the exit code says which, no result has its name, and the same
command resumes what is done.

    signals_test.py BINARY [unittest options]
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")
ROWS = 1_000_000  # of a vocabulary: large enough to be stopped amid the work


def add_large_model(folder: Path) -> None:
    world.make(folder, BINARY)
    world.grow_vocabulary(folder / "Llama-3.2-1B", ROWS)


def started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [world.alone(BINARY), "import", "Llama-3.2-1B", "ck", "--json"],
        cwd=folder,
        env=world.environment(BINARY, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[str]) -> None:
    """Until something that is not empty has the name, or the process has ended."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any(path.stat().st_size for path in folder.glob(pattern)):
            return
        time.sleep(0.01)


class Signals(unittest.TestCase):
    def test_each(self) -> None:
        for number, exit_code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signal=number), tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                add_large_model(folder)
                process = started(folder)
                wait_for("ck/.*partial-*", folder, process)
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, exit_code, out + err)
                self.assertIn(f"error: stopped by {number.name}", err)
                error = json.loads(out)["error"]
                self.assertEqual((error["kind"], error["exit"]), ("interrupted", exit_code))
                self.assertFalse((folder / "ck" / "iter_0000000").exists())

    def test_the_same_command_resumes(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            add_large_model(folder)
            process = started(folder)
            wait_for("ck/.*partial-*/journal", folder, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, out + err)
            self.assertRegex(
                err,
                r"error: stopped by SIGINT; what is done is kept in ck/\.iter_0000000\.partial-\w+: "
                "the same command resumes it\n",
            )
            again = started(folder)
            out, err = again.communicate(timeout=60)
            self.assertEqual(again.returncode, 0, out + err)
            self.assertRegex(err, r"resuming \S+ after \d+ bytes")
            self.assertTrue(json.loads(out)["verified"])


if __name__ == "__main__":
    unittest.main()
