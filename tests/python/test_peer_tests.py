"""The tests that PEER_TESTS.md names are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_the_tests_of_the_page_are_there() -> None:
    page = (Path(__file__).parent / "PEER_TESTS.md").read_text()
    named = re.findall(r"`([\w/]+\.(?:py|cpp))(?:::(test_\w+))?`", page)
    here = [(file, test) for file, test in named if test or (TESTS / file).is_file()]
    assert len(here) > 50
    for file, test in here:
        assert f"def {test}(" in (TESTS / file).read_text() or not test, f"{file}::{test}"
