#!/usr/bin/env python3
"""Completes command lines in a real bash; reads the scripts of the other shells.

    completion_test.py BINARY [unittest options]
"""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import world

BINARY = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else Path("build/dev/bascule")
ASK = """
source <(bascule completion bash)
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_bascule
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# Words so far, and some of what may come next ("!": what may not).
CASES: list[tuple[str, set[str]]] = [
    ("bascule ''", {"import", "export", "train", "--version", "!--dtype"}),
    ("bascule im", {"import", "!export"}),
    ("bascule import --", {"--dtype", "--overwrite", "--help", "--json", "!--tensors", "!import"}),
    ("bascule import --dr", {"--dry-run", "!--dtype"}),
    ("bascule inspect --t", {"--tensors", "--threads", "!--tp"}),
    ("bascule import --dtype ''", {"bfloat16", "float16", "float32"}),
    ("bascule import --dtype b", {"bfloat16", "!float16"}),
    ("bascule export --family ''", {"llama", "gemma3", "!bfloat16", "!deepseek_v3", "!gpt_oss"}),
    ("bascule plan Llama-3.2-1B --to ''", {"megatron", "hf"}),
    ("bascule import Ll", {"Llama-3.2-1B"}),
    ("bascule import --memory 1G check", {"checkpoints"}),
    ("bascule completion ''", {"bash", "zsh", "fish"}),
    ("bascule completion z", {"zsh", "!bash"}),
]


class Completion(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def script(self, shell: str) -> str:
        ran = world.run(f"bascule completion {shell}", BINARY, self.folder)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def test_bash(self) -> None:
        world.make(self.folder, BINARY)
        for words, wanted in CASES:
            with self.subTest(words=words):
                ran = world.run(ASK.format(words=words), BINARY, self.folder)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                offered = set(ran.stdout.split())
                self.assertLessEqual({word for word in wanted if word[0] != "!"}, offered)
                self.assertFalse({word[1:] for word in wanted if word[0] == "!"} & offered)

    def test_scripts_name_everything(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            script = self.script(shell)
            for word in ("import", "train", "dry-run", "padded-vocab-multiple", "bfloat16", "zsh"):
                self.assertIn(word, script, shell)

    def test_shells_read_their_scripts(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            if (program := shutil.which(shell)) is None:
                self.assertNotEqual(shell, "bash")  # the others need not be here
                continue
            file = self.folder / shell
            file.write_text(self.script(shell))
            ran = subprocess.run([program, "-n", file], capture_output=True, text=True, check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), shell)


if __name__ == "__main__":
    unittest.main()
