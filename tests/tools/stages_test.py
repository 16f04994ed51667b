"""Tests the runner of scripts/test.sh: it must not call a failure a success, nor count wrongly."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

STAGES = Path(__file__).parents[2] / "scripts" / "stages.sh"
SCRIPT = """#!/usr/bin/env bash
# Says what it is.
#
#   usage
set -euo pipefail
source {stages}
limit_seconds=2
{functions}
stages=({names})
pattern_stages=({names})
run_stages "$@"
"""
CTEST = "98% tests passed, 2 tests failed out of 120"
# What a stage does: passed and failed as the closing line counts them.
CASES: list[tuple[str, int, int]] = [
    ("true", 1, 0),
    ("false", 0, 1),
    ("false; true", 0, 1),
    ("sleep 60", 0, 1),
    ("echo '100% tests passed, 0 tests failed out of 7'", 7, 0),
    (f"echo '{CTEST}'; exit 8", 118, 2),
    (f"echo '{CTEST}'", 118, 2),
    ("echo '3 passed, 0 failed'", 3, 0),
    ("echo '3 passed, 1 failed'", 3, 1),
    ("echo '3 passed, 0 failed'; exit 1", 3, 1),
    ("echo '====== 12 passed, 1 skipped in 3.02s ======'", 12, 0),
    ("echo '=== 1 failed, 11 passed, 2 errors in 63.02s (0:01:03) ==='; exit 1", 11, 3),
    ("printf 'Ran 5 tests in 0.1s\\n\\nOK\\n'", 5, 0),
    ("printf 'Ran 5 tests in 0.1s\\n\\nFAILED (failures=1, errors=2)\\n'; exit 1", 2, 3),
    ("kill -9 $$", 0, 1),
    ("read -r line", 0, 1),  # there is no input to wait for
]


class Stages(unittest.TestCase):
    def run_stages(self, bodies: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
        names = [f"stage{i}" for i in range(len(bodies))]
        functions = "\n".join(
            f"stage_{name}() {{\n{body}\n}}" for name, body in zip(names, bodies, strict=True)
        )
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "run.sh")
            script.write_text(
                SCRIPT.format(stages=STAGES, functions=functions, names=" ".join(names))
            )
            return subprocess.run(
                ["bash", str(script), *arguments], cwd=folder, capture_output=True, text=True
            )

    def test_counts(self) -> None:
        for body, passed, failed in CASES:
            with self.subTest(body=body):
                done = self.run_stages([body])
                last = done.stdout.splitlines()[-1]
                self.assertEqual(last, f"{passed} passed, {failed} failed", done.stdout)
                self.assertEqual(done.returncode == 0, failed == 0)

    def test_goes_on_after_a_failure(self) -> None:
        done = self.run_stages(["echo first-says-this; false", "true", "echo '2 passed, 0 failed'"])
        self.assertEqual(done.stdout.splitlines()[-1], "3 passed, 1 failed")
        self.assertIn("first-says-this", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_chooses_stages(self) -> None:
        done = self.run_stages(["false", "true", "true"], "--stage", "stage1", "--stage", "stage2")
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 0 failed")
        self.assertEqual(done.returncode, 0)

    def test_passes_the_pattern(self) -> None:
        done = self.run_stages(['echo "${pattern[1]} passed, 0 failed"'], "-k", "41")
        self.assertEqual(done.stdout.splitlines()[-1], "41 passed, 0 failed")

    def test_a_pattern_narrows_the_chosen_stages(self) -> None:
        bodies = [f'echo "{count} passed, 0 failed"' for count in (1, 20, 300)]
        for arguments in (["--stage", "stage1", "-k", "a"], ["-k", "a", "--stage", "stage1"]):
            with self.subTest(arguments=arguments):
                done = self.run_stages(bodies, *arguments)
                self.assertEqual(done.stdout.splitlines()[-1], "20 passed, 0 failed")
        done = self.run_stages(bodies, "-k", "a")
        self.assertEqual(done.stdout.splitlines()[-1], "321 passed, 0 failed")

    def test_every_stage_that_can_takes_the_pattern(self) -> None:
        text = (STAGES.parent / "test.sh").read_text()
        chosen = re.search(r"^pattern_stages=\((.*?)\)", text, re.MULTILINE)
        assert chosen
        stages = dict(re.findall(r"^stage_(\w+)\(\) \{(.*?\}$)", text, re.MULTILINE | re.DOTALL))
        asking = "-m unittest|run_pytest|run_ctest (asan|engine)|(hostile|memory|bad_days)/run.py"
        able = {name for name, body in stages.items() if re.search(asking, body)}
        self.assertEqual(set(chosen[1].split()), able)
        for name in able:
            if not re.search("run_pytest|run_ctest", stages[name]):
                self.assertIn('"${pattern[@]}"', stages[name], name)

    def test_a_pattern_that_matches_nothing_fails(self) -> None:
        done = self.run_stages(["true"], "-k", "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no test matches 'nowhere'", done.stderr)

    def test_usage(self) -> None:
        for arguments in (["--stage", "none"], ["--stage"], ["-k"], ["--unknown"]):
            with self.subTest(arguments=arguments):
                done = self.run_stages(["true"], *arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn("Stages: stage0", done.stderr)


if __name__ == "__main__":
    unittest.main()
