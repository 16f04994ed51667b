"""Tests of the training engine against transformers: build the preset `engine` first."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/interop"))


def one_thread() -> dict[str, str]:
    """For toys: threads that wait for each other take longer than the work."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def engine() -> Path:
    folder = Path(os.environ.get("BASCULE_ENGINE_BUILD", ROOT / "build/engine"))
    if not (folder / "engine/tests/engine_probe").exists():
        pytest.fail("the engine is not built: cmake --preset engine && cmake --build build/engine")
    return folder
