#!/usr/bin/env python3
"""Runs the commands of transcripts/*.toml, each in a world of its own.

    transcripts_test.py BINARY [unittest options]

A case is a table of its file; its key names it:
    run        a line of bash; `bascule` is the program, $GOLDEN the toys
    setup      a line of bash before it
    exit       the exit code (default 0)
    out, err   regular expressions that must be found in stdout, stderr
    silent     "out" or "err" or both: nothing at all is written there
    json       path ("error.kind", "tensors.0.name") = value that the one JSON object on stdout
               holds; a value "/.../" is a regular expression
    makes      files or folders that exist afterwards
    untouched  true: no file was made, changed or removed
"""

import json
import re
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path
from typing import Any

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")
KEYS = {"run", "setup", "exit", "out", "err", "silent", "json", "makes", "untouched"}
UNTIDY = re.compile(r"[ \t]$", re.MULTILINE)


def at(value: Any, path: str) -> Any:
    for step in path.split(".") if path else ():
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


class Transcripts(unittest.TestCase):
    maxDiff = None

    def check(self, case: dict[str, Any]) -> None:
        self.assertLessEqual(set(case), KEYS, "a key that no one reads")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            world.make(folder, BINARY)
            if "setup" in case:
                made = world.run(f"set -e; {case['setup']}", BINARY, folder)
                self.assertEqual(made.returncode, 0, made.stderr)
            before = world.contents(folder)
            ran = world.run(case["run"], BINARY, folder)
            said = f"\n$ {case['run']}\nexit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
            self.assertEqual(ran.returncode, case.get("exit", 0), said)
            for text, wanted in ((ran.stdout, "out"), (ran.stderr, "err")):
                for pattern in case.get(wanted, []):
                    self.assertRegex(text, re.compile(pattern, re.MULTILINE), said)
                if wanted in case.get("silent", []):
                    self.assertEqual(text, "", said)
                self.assertNotRegex(text, UNTIDY, "blanks at a line's end")
                self.assertNotIn("\x1b", text, "colours without a terminal")
            if "json" in case:
                answer = json.loads(ran.stdout)
                self.assertIsInstance(answer, dict)
                self.check_json(answer, case["json"], said)
            for path in case.get("makes", []):
                self.assertTrue((folder / path).exists(), f"{path} is not there{said}")
            if case.get("untouched"):
                self.assertEqual(world.contents(folder), before, said)

    def check_json(self, answer: dict[str, Any], wanted: dict[str, Any], said: str) -> None:
        for path, value in wanted.items():
            found = at(answer, path)
            if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == "/":
                self.assertRegex(str(found), value[1:-1], path + said)
            else:
                self.assertEqual(found, value, path + said)


def add_cases() -> int:
    count = 0
    for file in sorted((Path(__file__).parent / "transcripts").glob("*.toml")):
        for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items():
            test = lambda self, case=case: self.check(case)  # noqa: E731
            setattr(Transcripts, f"test_{file.stem}_{name}", test)
            count += 1
    return count


if __name__ == "__main__":
    if add_cases() < 60:
        sys.exit("transcripts are missing")
    unittest.main()
