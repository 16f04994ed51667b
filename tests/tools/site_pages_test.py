"""Tests what the site of the documents adds: pages of examples, and links to them."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import site_pages

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# A tutorial\n", "\n", "[docs](../../docs/a.md#b)"]},
        {"cell_type": "code", "source": ["x = 1"]},
    ]
}
# A link of docs/formats/here.md, and what becomes of it.
CASES = [
    ("[a](../a.md#b)", "[a](../a.md#b)"),
    ("[run](../../examples/run.py)", "[run](../examples/run.py.md)"),
    ("[all](../../examples)", "[all](../examples/index.md)"),
    ("[all](../../examples/)", "[all](../examples/index.md)"),
    ("[book](../../examples/notebooks/book.ipynb)", "[book](../examples/notebooks/book.ipynb.md)"),
    ("[the reader](../../src/read.cpp)", "the reader (`src/read.cpp`)"),
    ("[`src/read.cpp`](../../src/read.cpp)", "`src/read.cpp`"),
    ("[web](https://example.org/x)", "[web](https://example.org/x)"),
    ("[below](#part)", "[below](#part)"),
    ("![picture](../a.svg)", "![picture](../a.svg)"),
    ("```\n[no](link.md)\n```", "```\n[no](link.md)\n```"),
]


class SitePages(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for place, text in {
            "docs/a.md": "# A",
            "docs/formats/here.md": "",
            "src/read.cpp": "",
            "examples/run.py": '"""Runs."""\n',
            "examples/notebooks/book.ipynb": json.dumps(NOTEBOOK),
        }.items():
            (self.root / place).parent.mkdir(parents=True, exist_ok=True)
            (self.root / place).write_text(text)
        self.pages = site_pages.example_pages(self.root)

    def with_links(self, text: str, place: str) -> str:
        return site_pages.with_links(text, place, self.root, set(self.pages))

    def test_links_of_documents(self) -> None:
        for text, expected in CASES:
            with self.subTest(text=text):
                self.assertEqual(
                    self.with_links(f"\n{text}\n", "docs/formats/here.md"), f"\n{expected}\n"
                )

    def test_a_link_to_no_file_is_refused(self) -> None:
        with self.assertRaisesRegex(
            ValueError, "docs/a.md has a link to examples/gone.py, which does not exist"
        ):
            self.with_links("[gone](../examples/gone.py)", "docs/a.md")

    def test_pages_of_examples(self) -> None:
        self.assertEqual(
            self.pages["examples/run.py"], '# run.py\n\n````python\n"""Runs."""\n````\n'
        )
        book = "examples/notebooks/book.ipynb"
        shown = self.with_links(self.pages[book], book)
        self.assertEqual(shown, "# A tutorial\n\n[docs](../../a.md#b)\n\n````python\nx = 1\n````\n")
        listed = self.with_links(self.pages["examples"], "examples")
        self.assertIn("| [run.py](run.py.md) | Runs |", listed)
        self.assertIn("| [book.ipynb](notebooks/book.ipynb.md) | A tutorial |", listed)


if __name__ == "__main__":
    unittest.main()
