"""Tests of the training engine against transformers: build the preset `engine` first."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/interop"))


@pytest.fixture(scope="session")
def engine() -> Path:
    folder = ROOT / "build/engine"
    if not (folder / "engine/tests/engine_probe").exists():
        pytest.fail("the engine is not built: cmake --preset engine && cmake --build build/engine")
    return folder
