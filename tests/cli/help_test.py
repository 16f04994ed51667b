#!/usr/bin/env python3
"""Reads every verb's --help as a newcomer would, and runs each of its examples.

    help_test.py BINARY [unittest options]
"""

import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")
SECTION = re.compile(r"^([A-Z]\w.*)\n((?:  .*\n|\n)+)", re.MULTILINE)


def help_of(verb: str, folder: Path) -> str:
    ran = world.run(f"bascule {verb} --help", BINARY, folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def sections(text: str) -> dict[str, str]:
    return {heading: body for heading, body in SECTION.findall(text)}


def listed(overview: str, heading: str) -> list[str]:
    return re.findall(r"^  (\w+)  ", sections(overview)[heading], re.MULTILINE)


class Help(unittest.TestCase):
    def setUp(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name)
        overview = help_of("", self.folder)
        self.verbs = listed(overview, "Verbs")
        self.engine_verbs = listed(overview, "Verbs that need bascule-engine")

    def test_verbs(self) -> None:
        expected = ["import", "export", "verify", "inspect", "plan", "data", "plot", "models", "doctor"]
        self.assertEqual(self.verbs, [*expected, "completion"])
        self.assertEqual(self.engine_verbs, ["train", "compare", "generate"])

    def test_every_page_is_whole(self) -> None:
        for verb in self.verbs + self.engine_verbs:
            with self.subTest(verb=verb):
                text = help_of(verb, self.folder)
                parts = sections(text)
                self.assertIn(f"bascule {verb}", parts["Usage"])
                self.assertIn("Examples", parts)
                description = text.split("\n\n")[2]
                self.assertGreater(len(description), 60, "no description")
                self.assertLessEqual(max(map(len, text.splitlines())), 80)
                for line in text.splitlines():
                    self.assertEqual(line, line.rstrip())
                if verb in self.verbs:
                    self.check_options(parts)

    def check_options(self, parts: dict[str, str]) -> None:
        """Each option has a sentence or two, and is named once."""
        rows = re.findall(r"^  (--[\w-]+)( [A-Z]+)?(?:  +|\n {10,})(\S.*)", parts["Options"], re.M)
        names = [name for name, _, _ in rows]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(names), len(re.findall(r"^  --", parts["Options"], re.M)))
        self.assertLessEqual({"--json", "--quiet", "--help"}, set(names))

    def test_every_example_runs(self) -> None:
        world.make(self.folder, BINARY)
        shutil.rmtree(self.folder / "checkpoints" / "llama")  # the first example makes it
        world.add_python(self.folder)
        for verb in self.verbs:
            self.run_examples(verb)
        # The pages of these verbs are ours only where there is no engine.
        examples = {verb: self.examples(verb) for verb in self.engine_verbs}
        world.add_engine(self.folder)
        for verb, commands in examples.items():
            for command in commands:
                ran = self.run_one(command)
                self.assertIn(f"engine: {verb}\n", ran)

    def run_examples(self, verb: str) -> None:
        for command in self.examples(verb):
            ran = self.run_one(command)
            if verb == "plan":
                self.assertRegex(ran, r"(?m)^  \S", f"{command} lists no copy")

    def run_one(self, command: str) -> str:
        with self.subTest(command=command):
            if "fish" in command:  # the shell is not here; completion_test.py reads its script
                command = command.split("|")[0]
            if "zsh" in command:
                command = "bascule completion zsh > script"
            ran = world.run(command, BINARY, self.folder)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            return ran.stdout
        return ""

    def examples(self, verb: str) -> list[str]:
        lines = sections(help_of(verb, self.folder))["Examples"].splitlines()
        commands, said = [], False
        for line in filter(None, map(str.strip, lines)):
            if not line.startswith("#"):
                self.assertTrue(said, f"{line}: nothing says what it does")
                self.assertIn("bascule ", line)
                commands.append(line)
            said = line.startswith("#")
        self.assertGreater(len(commands), 0, verb)
        return commands


if __name__ == "__main__":
    unittest.main()
