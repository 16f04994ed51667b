"""What docs/troubleshooting.md quotes in its headings is what the program says."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What stands for something in a quotation, there and in a message's format.
PLACE = re.compile(r'\.\.\.|\[\.\.\.\]|\b[A-Z]+\b|\b\d[\d.]*\b|\{[^{}\s"]*\}|\w+_\w+|float16')


def messages() -> str:
    """All string literals of the program, adjacent ones joined, places taken out."""
    texts = []
    for folder in ("src", "cli", "engine"):
        for file in sorted((ROOT / folder).rglob("*.cpp")):
            texts.append(re.sub(r'"\s*\n\s*"', "", file.read_text(encoding="utf-8")))
    return PLACE.sub("\0", "\n".join(texts))


class Troubleshooting(unittest.TestCase):
    def test_headings_quote_the_program(self) -> None:
        said = messages()
        text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
        quotations = [
            quotation
            for heading in re.findall(r"^## (.*)$", text, re.MULTILINE)
            if not heading.startswith("Megatron says")
            for quotation in re.findall(r'"([^"]+)"', heading.split(" beside ")[0])
            if not quotation.startswith((".", "hidden_act"))
        ]
        self.assertGreater(len(quotations), 8)
        for quotation in quotations:
            for part in re.split("\0+", PLACE.sub("\0", quotation)):
                part = part.strip(" :;,[]")
                if len(part) >= 8:
                    self.assertTrue(part in said, f"{quotation}: nothing says {part!r}")


if __name__ == "__main__":
    unittest.main()
