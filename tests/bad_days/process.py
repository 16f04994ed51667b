"""Running bascule so that something can happen to it on its way. Standard library only."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0  # seconds after which a run is called hung


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status as a shell counts it, its output and its time."""

    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"exit {self.code} after {self.seconds:.2f} s; stderr: {self.err.strip()!r}"


class Running:
    """A bascule at work. Owned by one thread."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (environment or {}),
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop_when_writing(self, target: Path) -> bool:
        """Freezes the process once its partial work holds data; False if it ended before."""
        pattern = f".{target.name}.partial*"
        while self.process.poll() is None:
            for partial in target.parent.glob(pattern):
                if partial.is_dir() and _holds_data(partial):
                    self.send(signal.SIGSTOP)
                    return self._stopped()
            if time.monotonic() - self.start > PATIENCE:
                raise AssertionError(f"nothing appeared as {target.parent / pattern}")
        return False

    def _stopped(self) -> bool:
        """Waits until the process stands still; False if it ended instead."""
        while self.process.poll() is None:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                return True
            time.sleep(0.001)
        return False

    def go_on(self) -> None:
        self.send(signal.SIGCONT)

    def wait(self) -> Ended:
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"still running after {PATIENCE} s") from None
        code = self.process.returncode
        return Ended(128 - code if code < 0 else code, out, err, time.monotonic() - self.start)


def _holds_data(folder: Path) -> bool:
    """Whether a big file below has a block on disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                if os.stat(os.path.join(parent, name)).st_blocks * 512 >= 1 << 20:
                    return True
            except FileNotFoundError:
                pass
    return False
