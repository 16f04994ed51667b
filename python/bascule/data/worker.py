"""A process that tokenizes: it reads pieces from stdin and writes tokens to stdout.

A message is a line of JSON and the blocks of bytes whose sizes it has as "sizes".
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from bascule.errors import Error

MOST_MEMORY = 8 << 30  # of a worker that runs a model's template


def send(to: BinaryIO, said: dict[str, Any], blocks: tuple[bytes, ...] = ()) -> None:
    """Writes a message."""
    to.write(json.dumps(said | {"sizes": [len(each) for each in blocks]}).encode() + b"\n")
    for each in blocks:
        to.write(each)
    to.flush()


def receive(source: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """Reads a message; None at the end."""
    line = source.readline()
    if not line.endswith(b"\n"):
        return None
    said = json.loads(line)
    blocks = [source.read(size) for size in said["sizes"]]
    return None if [len(each) for each in blocks] != said["sizes"] else (said, blocks)


def _serve(source: BinaryIO, to: BinaryIO) -> None:
    from bascule.data.encoder import Encoder

    first = receive(source)
    if first is None:
        return
    settings, _ = first
    if settings["chat_template"]:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    encoder = Encoder(settings)
    while (message := receive(source)) is not None:
        piece, (body,) = message
        done = encoder.encode(piece["kind"], body, piece["first"], piece["begins"])
        blocks = [
            part.tobytes()
            for column in done.columns
            for part in (column.tokens, column.lengths, column.documents)
        ]
        send(to, {"bad": vars(done.bad)}, tuple(blocks))


def main() -> None:
    """Serves until stdin ends. An error is the last message."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this sees to it
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # workers are processes
    source, to = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    try:
        _serve(source, to)
    except BrokenPipeError:
        os._exit(1)
    except BaseException as error:  # a panic of the tokenizer is no Exception
        kind = error.kind if isinstance(error, Error) else "internal"
        text = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
        if isinstance(error, MemoryError):
            kind, text = "environment", "a worker ran out of memory; fewer --workers need less"
        send(to, {"error": text, "kind": kind})
        sys.exit(1)
