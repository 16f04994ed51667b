#!/usr/bin/env python3
"""Runs the README's lines for the command line as they are pasted into the clone of a user.

readme_test.py BINARY [unittest options]
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import readme
import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")


class Readme(unittest.TestCase):
    def test_command_line(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lines = readme.prepare("Command line", folder)
            (folder / "build").mkdir()
            (folder / "build/release").symlink_to(BINARY.parent)
            ran = subprocess.run(
                ["bash", "-c", lines], cwd=folder, capture_output=True, text=True, timeout=300,
                env=world.environment(BINARY, folder), check=False,
            )  # fmt: skip
            self.assertEqual(ran.returncode, 0, f"{lines}\n{ran.stdout}\n{ran.stderr}")
            for made in ("CKPT_DIR", "HF_COPY"):
                self.assertTrue((folder / made).is_dir(), made)


if __name__ == "__main__":
    unittest.main()
