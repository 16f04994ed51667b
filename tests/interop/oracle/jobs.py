"""Runs jobs in processes of their own: importing the peers takes long, so one process does the jobs
of all families.

A job is a dict: "action", its arguments, and "id", by which its result is known. A result is what
the action returned, or {"error": text} if it raised: one job that fails does not stop the others.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT_SECONDS = 1200
ENVIRONMENT = {
    "PYTHONPATH": str(HERE.parent),
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
Job = dict
Result = dict


def run(
    role: str, jobs: list[Job], ranks: int = 1, options: tuple[str, ...] = ()
) -> dict[str, Result]:
    """role: the module of this package that has the actions. Raises if the process did not do all
    of its jobs.
    """
    if not jobs:
        return {}
    with tempfile.TemporaryDirectory() as work:
        todo, done, log = (Path(work) / name for name in ("jobs.json", "results.jsonl", "log.txt"))
        todo.write_text(json.dumps(jobs))
        command = [sys.executable, "-m", f"oracle.{role}", str(todo), str(done), *options]
        environment = os.environ | ENVIRONMENT
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            environment.pop(name, None)
        with open(log, "w") as output:
            processes = [
                subprocess.Popen(
                    command, env=environment | rank, stdout=output, stderr=subprocess.STDOUT
                )
                for rank in _ranks(ranks)
            ]
            codes = _wait(processes)
        results = (
            [json.loads(line) for line in done.read_text().splitlines()] if done.exists() else []
        )
        if any(codes) or len(results) != len(jobs):
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
            raise RuntimeError(
                f"oracle.{role}: exit codes {codes}, "
                f"{len(results)} of {len(jobs)} jobs done\n{tail}"
            )
    return {result.pop("id"): result for result in results}


def _wait(processes: list[subprocess.Popen]) -> list[int | None]:
    """Exit codes. When one fails, or after LIMIT_SECONDS, the others would wait for ever: they are
    ended.
    """
    end = time.monotonic() + LIMIT_SECONDS
    while any(process.poll() is None for process in processes):
        if time.monotonic() > end or any(process.returncode for process in processes):
            for process in processes:
                process.kill()
        time.sleep(0.1)
    return [process.returncode for process in processes]


def _ranks(count: int) -> list[dict[str, str]]:
    if count == 1:
        return [{}]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{**world, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def serve(actions: dict[str, Callable[..., Result]], todo: str, done: str) -> None:
    """Does the jobs in the file `todo`; rank 0 appends a line to `done` for each."""
    for job in json.loads(Path(todo).read_text()):
        name, action = job.pop("id"), actions[job.pop("action")]
        try:
            result = action(**job)
        except Exception:
            result = {"error": traceback.format_exc()}
        if os.environ.get("RANK", "0") == "0":
            with open(done, "a") as file:
                file.write(json.dumps({"id": name, **result}) + "\n")
