"""Indexed datasets: what bascule merged, Megatron reads, and would have written in the same bytes."""

import subprocess
from pathlib import Path

import pytest
from conftest import GOLDEN
from oracle import jobs

SETS = {"two": ["a", "c"], "again": ["b", "b", "b"], "one": ["c"]}


@pytest.fixture(scope="module")
def merged(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict]]:
    work = tmp_path_factory.mktemp("datasets")
    todo = []
    for name, parts in SETS.items():
        inputs = [str(GOLDEN / "data" / part) for part in parts]
        command = [str(binary), "data", "merge", str(work / name), *inputs]
        subprocess.run(command, check=True, capture_output=True)
        theirs = str(work / f"megatron_{name}")
        todo.append({"id": f"merge {name}", "action": "merge", "target": theirs, "prefixes": inputs})
        todo.append({"id": f"read {name}", "action": "read", "prefix": str(work / name)})
    return work, jobs.run("datasets", todo)


@pytest.mark.parametrize("name", SETS)
def test_megatron_reads_what_was_merged(name: str, merged: tuple[Path, dict[str, dict]]) -> None:
    _, done = merged
    assert "error" not in done[f"read {name}"], done[f"read {name}"]
    assert done[f"read {name}"] == done[f"merge {name}"]


@pytest.mark.parametrize("name", SETS)
def test_megatron_merges_to_the_same_bytes(
    name: str, merged: tuple[Path, dict[str, dict]]
) -> None:
    work, _ = merged
    for end in ("bin", "idx"):
        ours, theirs = (work / f"{each}.{end}" for each in (name, f"megatron_{name}"))
        assert ours.read_bytes() == theirs.read_bytes()
