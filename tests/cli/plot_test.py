#!/usr/bin/env python3
"""What `plot` says where it cannot draw.

    plot_test.py BINARY [unittest options]
"""

import sys
import tempfile
import unittest
from pathlib import Path

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")


class Plot(unittest.TestCase):
    def test_folder_that_is_missing(self) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "metrics.jsonl").write_text('{"step": 1, "loss": 2.5}\n')
            ran = world.run("bascule plot . --out absent/x.png", BINARY, folder)
            self.assertEqual(ran.returncode, 2)
            self.assertIn("--out absent/x.png: there is no folder absent;", ran.stderr)
            self.assertNotIn("gnuplot", ran.stderr)


if __name__ == "__main__":
    unittest.main()
