"""Runs everything the interop tests look at: bascule first, then each peer once, in one process for
all families.

The binary: --bascule, else build/release/bascule, else build/dev/bascule. A missing binary,
environment or peer is a failure, never a skip.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOLDEN = ROOT / "tests/golden"
sys.path.insert(0, str(HERE))
from oracle import jobs, settings, toys  # noqa: E402

# Families whose golden is here and whose table is not yet.
LATER = {"deepseek_v3", "gpt_oss", "nemotron_h"}
FAMILIES = sorted(
    path.name for path in GOLDEN.iterdir() if (path / "hf").is_dir() and path.name not in LATER
)
DIFFERENT = sorted(toys.DIFFERENT)
OTHERS = sorted(settings.ALL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bascule", help="the binary to test")


@dataclass
class Run:
    """One call of bascule."""

    code: int
    output: str
    errors: str


@dataclass
class Results:
    """Paths are work/NAME/{hf,megatron,exported,golden_exported,bridge_exported}; see `run` for the
    keys.
    """

    work: Path
    bascule: dict[str, Run] = field(default_factory=dict)
    plain: dict[str, dict] = field(default_factory=dict)
    peers: dict[str, dict] = field(default_factory=dict)

    def hf(self, name: str) -> Path:
        return GOLDEN / name / "hf" if name in FAMILIES else self.work / name / "hf"

    def path(self, name: str, what: str) -> Path:
        return self.work / name / what

    def done(self, key: str) -> dict:
        """The result of a peer's job; fails with its traceback if it raised."""
        result = self.peers[key] if key in self.peers else self.plain[key]
        if "error" in result:
            pytest.fail(f"{key}\n{result['error']}", pytrace=False)
        return result

    def ran(self, key: str) -> Run:
        run = self.bascule[key]
        if run.code != 0:
            pytest.fail(f"bascule {key}: exit {run.code}\n{run.errors}", pytrace=False)
        return run


@pytest.fixture(scope="session")
def binary(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--bascule")
    candidates = (
        [Path(given)]
        if given
        else [ROOT / f"build/{preset}/bascule" for preset in ("release", "dev")]
    )
    for path in candidates:
        if path.exists():
            return path.resolve()
    pytest.fail(
        f"no binary at {' or '.join(map(str, candidates))}: build one, or name it with --bascule"
    )


@pytest.fixture(scope="session")
def results(
    request: pytest.FixtureRequest, binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Results:
    """For the families and cases of the tests that -k leaves."""
    chosen = {
        item.callspec.params.get("name")
        for item in request.session.items
        if hasattr(item, "callspec")
    }
    families = [name for name in FAMILIES if name in chosen]
    different = [name for name in DIFFERENT if name in chosen]
    others = [name for name in OTHERS if name in chosen]
    results = Results(tmp_path_factory.mktemp("interop"))

    def bascule(key: str, *arguments: object) -> None:
        call = subprocess.run(
            [binary, *map(str, arguments)], capture_output=True, text=True, timeout=300
        )
        results.bascule[key] = Run(call.returncode, call.stdout, call.stderr)

    def logits(key: str, hf: Path) -> dict:
        return {
            "id": key,
            "action": "logits",
            "hf": str(hf),
            "out": str(results.work / f"{key.replace('/', '.')}.pt"),
        }

    def load(key: str, name: str, provider: str, sensitivity: bool = False) -> dict:
        return {
            "id": key,
            "action": "load",
            "checkpoint": str(results.path(name, "megatron")),
            "hf": str(results.hf(name)),
            "reference": str(results.work / f"{name}.reference.pt"),
            "provider": provider,
            "sensitivity": sensitivity,
        }

    toy = [
        {"id": f"{n}/toy", "action": "toy", "family": n, "out": str(results.hf(n))}
        for n in different + others
    ]
    results.plain |= jobs.run("plain", toy)
    for name in families + different + others:
        bascule(f"{name}/import", "import", results.hf(name), results.path(name, "megatron"))
    for name in different + others:
        strict = ("--require-megatron-logits",)
        bascule(
            f"{name}/import strictly",
            "import",
            results.hf(name),
            results.path(name, "strict"),
            *strict,
        )
    for name in families:
        bascule(
            f"{name}/export",
            "export",
            results.path(name, "megatron"),
            results.path(name, "exported"),
        )
        bascule(
            f"{name}/export golden",
            "export",
            GOLDEN / name / "megatron",
            results.path(name, "golden_exported"),
        )

    todo = [logits(f"{name}/reference", results.hf(name)) for name in families + different + others]
    for name in families:
        for what in ("exported", "golden_exported"):
            todo.append(logits(f"{name}/{what}", results.path(name, what)))
    results.plain |= jobs.run("plain", todo)

    todo = []
    for name in families:
        todo.append(load(f"{name}/load", name, "hf", sensitivity=True))
        todo.append(load(f"{name}/load as written", name, "run_config"))
        todo.append(
            {
                "id": f"{name}/bridge export",
                "action": "export",
                "checkpoint": str(results.path(name, "megatron")),
                "hf": str(results.hf(name)),
                "out": str(results.path(name, "bridge_exported")),
            }
        )
    for name in different:
        todo.append(load(f"{name}/load", name, "hf"))
        todo.append(load(f"{name}/load as written", name, "run_config"))
    for name in others:
        todo.append(load(f"{name}/load as written", name, "run_config"))
    results.peers |= jobs.run("peers", todo)
    return results
