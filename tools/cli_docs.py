#!/usr/bin/env python3
"""Writes docs/cli.md, the reference of the command line, from what --help says.

    cli_docs.py BINARY            write it
    cli_docs.py BINARY --check    exit 1 unless it is as it would be written
"""

import difflib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
OPENING = """# The command line

<!-- Written by tools/cli_docs.py from `bascule --help`; change the texts in cli/ instead. -->

"""
TERM = re.compile(r"  (\S+(?: [A-Z]+)?|\d+, \d+)(?:  +(\S.*))?$")
LISTS = {"Arguments", "Options", "Exit codes", "Verbs", "Verbs that need bascule-engine"}
HEADINGS = LISTS | {"Usage", "Start here", "Examples"}


def help_text(binary: Path, *words: str) -> list[str]:
    # An empty environment: no engine on PATH that would answer instead.
    ran = subprocess.run(
        [binary, *words, "--help"], capture_output=True, text=True, check=True, env={}
    )
    return ran.stdout.splitlines()


def sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Headings, and the lines below each; the first has none."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        if line in HEADINGS:
            found.append((line, []))
        else:
            found[-1][1].append(line)
    return found


def terms(lines: list[str]) -> list[tuple[str, str]]:
    """A list of terms, each with its text, which may go on in the lines after it."""
    found: list[tuple[str, str]] = []
    for line in filter(None, lines):
        if line.startswith("  ") and line[2] != " " and (term := TERM.match(line)):
            found.append((term[1], term[2] or ""))
        else:
            name, text = found[-1]
            found[-1] = (name, f"{text} {line.strip()}".strip())
    return found


def markdown(verb: str, lines: list[str]) -> str:
    out = ""
    for heading, body in sections(lines):
        text = "\n".join(body).strip("\n")
        if heading == "":
            out += f"{text}\n\n"
        elif heading in LISTS:
            out += f"**{heading}**\n\n"
            out += "".join(f"- `{name}`: {about}\n" for name, about in terms(body)) + "\n"
        else:
            # In a verb's usage the description follows the first line.
            first, _, rest = text.partition("\n\n") if heading == "Usage" and verb else (text, "", "")
            block = "\n".join(line[2:] for line in first.splitlines())
            out += f"**{heading}**\n\n```sh\n{block}\n```\n\n" + (f"{rest}\n\n" if rest else "")
    return out


def page(binary: Path) -> str:
    overview = help_text(binary)
    verbs = [
        name
        for heading, body in sections(overview)
        if heading.startswith("Verbs")
        for name, _ in terms(body)
    ]
    out = OPENING + markdown("", overview)
    for verb in verbs:
        out += f"## bascule {verb}\n\n" + markdown(verb, help_text(binary, verb))
    return out.rstrip("\n") + "\n"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:  # nor one that was built beside it
        text = page(shutil.copy(Path(sys.argv[1]).resolve(), Path(folder) / "bascule"))
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    changes = difflib.unified_diff(
        old.splitlines(), text.splitlines(), "docs/cli.md", "--help", lineterm=""
    )
    for line in changes:
        print(line)
    if old != text:
        print("docs/cli.md is out of date: run tools/cli_docs.py", file=sys.stderr)
    return int(old != text)


if __name__ == "__main__":
    sys.exit(main())
