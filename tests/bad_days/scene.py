"""The models that the bad days happen to, and what must hold after each of them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from process import Ended, Running

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import random_model  # noqa: E402

TRACKER = "latest_checkpointed_iteration.txt"


class Scene:
    """Two models, each as a Hugging Face directory and as a checkpoint, in a scratch folder."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.hf = [folder / f"hf{i}" for i in range(2)]
        self.megatron = [folder / f"megatron{i}" for i in range(2)]
        for i in range(2):
            random_model.write_model(self.hf[i], "120m", seed=i + 1)
        # How long each verb takes at best: when to kill.
        self.seconds = {
            "import": min(self._timed("import", self.hf[i], self.megatron[i]) for i in range(2)),
            "export": min(
                self._timed("export", self.megatron[i], folder / f"{i}") for i in range(2)
            ),
        }
        self.size = sum(p.stat().st_size for p in self.hf[0].glob("*.safetensors"))

    def _timed(self, *arguments: str | Path) -> float:
        done = self.run(*arguments)
        assert done.code == 0, f"nothing can be tested, a plain run fails: {done}"
        return done.seconds

    def start(self, *arguments: str | Path) -> Running:
        return Running([str(self.binary), *map(str, arguments)])

    def run(self, *arguments: str | Path, environment: dict[str, str] | None = None) -> Ended:
        return Running([str(self.binary), *map(str, arguments)], environment).wait()

    def bit_flip(self) -> Path:
        """A library to preload, which turns over a bit of what is written."""
        library = self.folder / "bit_flip.so"
        source = Path(__file__).parent / "bit_flip.c"
        command = ["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
        return library

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder for one day's targets."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)

    def source(self, verb: str, model: int = 0) -> Path:
        return (self.hf if verb == "import" else self.megatron)[model]


def final(target: Path, verb: str) -> Path:
    """What must be whole whenever it exists: `import` adds an iteration to a root."""
    return target / "iter_0000000" if verb == "import" else target


def expect_no_half_result(scene: Scene, verb: str, target: Path, models: tuple[int, ...]) -> bool:
    """Fails unless the target is absent or holds one of `models` whole; says if it exists."""
    result = final(target, verb)
    if not result.exists():
        tracker = target / TRACKER
        assert not tracker.exists(), f"{tracker} points to an iteration that is not there"
        return False
    seen = [scene.run("verify", scene.hf[model], result) for model in models]
    assert any(done.code == 0 for done in seen), f"half a result in {result}: {seen[0]}"
    alone = scene.run("verify", result)
    assert alone.code == 0, f"{result} does not agree with its manifest: {alone}"
    return True


def expect_success(scene: Scene, verb: str, target: Path, overwrite: bool, model: int = 0) -> None:
    """The next run of the same command succeeds and leaves nothing but its result."""
    flag = ["--overwrite"] if overwrite else []
    done = scene.run(verb, scene.source(verb, model), target, *flag)
    assert done.code == 0, f"the next run fails: {done}"
    assert expect_no_half_result(scene, verb, target, (model,)), f"{target} is missing"
    if verb == "import":
        assert (target / TRACKER).read_text().strip() == "0"
    left = [path for path in final(target, verb).parent.glob(".*partial*") if path.is_dir()]
    assert not left, f"the next run left {left}"


def expect_error(done: Ended, codes: tuple[int, ...], *words: str) -> None:
    """One clear sentence on stderr, which holds `words`, and one of the exit codes."""
    assert done.code in codes, f"expected exit {codes}: {done}"
    for word in words:
        assert word in done.err, f"the message does not say {word!r}: {done}"
    lines = [line for line in done.err.splitlines() if "error" in line.lower()]
    assert len(lines) == 1, f"expected one error line: {done}"
    assert "Traceback" not in done.err and "terminate called" not in done.err, str(done)


def copy_model(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def big_file(folder: Path) -> Path:
    """The last of a model's weight files, which a run reads late."""
    files = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".distcp")]
    return max(files, key=lambda p: (p.stat().st_size, p.name))
