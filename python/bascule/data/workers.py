"""Processes that tokenize pieces side by side, and give them back in order.

They are programs of their own, not forks: the caller may have threads, and its main module is not
imported again. They end with their stdin, so that none outlives a caller that was killed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bascule.data.encoder import BadRows
from bascule.data.worker import receive, send
from bascule.errors import BY_KIND, ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import BinaryIO

    from bascule.data.inputs import Piece

# The current folder, where Python would look first, is not trusted.
_PROGRAM = """
import sys
sys.path = [each for each in sys.path if each]
from bascule.data.worker import main
main()
"""
_AHEAD = 2  # pieces for each worker that are read before they are wanted

Blocks = list[bytes]
"""Of each key: tokens, lengths, documents."""


class Workers:
    """`count` processes; a context manager that ends them."""

    def __init__(self, count: int, settings: dict[str, Any]) -> None:
        self._count, self._settings = count, settings
        self._local = threading.local()
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ended = False
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="bascule-worker")

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._ended = True
            for process in self._processes:
                process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError), process:  # closes its pipes and waits
                pass

    def answers(self, pieces: Iterator[Piece]) -> Iterator[tuple[Piece, BadRows, Blocks]]:
        """Each piece with its bad rows and its blocks, in order.

        Raises:
            bascule.Error: what a worker failed at, or that one was killed.
        """
        waiting: deque[tuple[Piece, Future[tuple[dict[str, Any], Blocks]]]] = deque()
        for piece in pieces:
            waiting.append((piece, self._threads.submit(self._ask, piece)))
            if len(waiting) >= _AHEAD * self._count:
                yield self._first(waiting)
        while waiting:
            yield self._first(waiting)

    @staticmethod
    def _first(
        waiting: deque[tuple[Piece, Future[tuple[dict[str, Any], Blocks]]]],
    ) -> tuple[Piece, BadRows, Blocks]:
        piece, future = waiting.popleft()
        said, blocks = future.result()
        if "error" in said:
            where = f"{piece.input.path}, from line {piece.first} on"
            text = said["error"]
            internal = said["kind"] == "internal"
            raise BY_KIND[said["kind"]](f"{where}: {text}" if internal else text)
        return piece, BadRows(**said["bad"]), blocks

    def _ask(self, piece: Piece) -> tuple[dict[str, Any], Blocks]:
        """In one of the threads, which has a worker of its own."""
        to, source = self._pipes()
        asked = {"kind": piece.input.kind, "first": piece.first, "begins": piece.first == 1}
        with contextlib.suppress(BrokenPipeError):  # its last message may say why
            send(to, asked, (piece.body,))
        answer = receive(source)
        if answer is None:
            raise ResourceError(
                "a process that tokenized ended: the system may have killed it for want of memory "
                "(fewer --workers need less); the same command goes on"
            )
        return answer

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        if not hasattr(self._local, "process"):
            self._local.process = self._start()
            with contextlib.suppress(BrokenPipeError):
                send(self._local.process.stdin, self._settings)
        process = self._local.process
        return process.stdin, process.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(each for each in sys.path if each)
        with self._lock:
            if self._ended:
                raise ResourceError("stopped")
            try:
                process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | {"PYTHONPATH": path},
                )
            except OSError as error:
                raise ResourceError(f"cannot run {sys.executable}: {error.strerror}") from error
            self._processes.append(process)
        return process
