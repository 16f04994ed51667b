#!/usr/bin/env python3
"""Times `bascule data tokenize` against a plain loop over the same tokenizer and rows that feeds the
real IndexedDatasetBuilder.

    bench/data_tokenize.py TOKENIZER_DIR [--rows 20000] [--runs 3] [--workers N]

Rows are words drawn by rank (seeded), some 2,000 characters each. Runs are interleaved. Prints a
Markdown table: tokens a second, medians. Needs build/engine (or build/release, with a Python that
BASCULE_PYTHON names), .venv and .peers (scripts/python_env.sh).
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOP = """
import json, sys
from oracle import boot
boot.install()
import tokenizers, torch
from megatron.core.datasets.indexed_dataset import DType, IndexedDatasetBuilder
rows, folder, target = sys.argv[1:]
tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
builder = IndexedDatasetBuilder(target + ".bin", dtype=DType.optimal_dtype(tokenizer.get_vocab_size()))
print("begin", flush=True)
for line in open(rows, encoding="utf-8"):
    ids = tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids
    builder.add_document(torch.tensor(ids), [len(ids)])
builder.finalize(target + ".idx")
"""


def write_rows(path: Path, count: int) -> None:
    draw = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(draw.choices(letters, k=draw.randrange(1, 10))) for _ in range(30_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    with path.open("w") as file:
        for _ in range(count):
            text = " ".join(draw.choices(words, weights, k=350))
            file.write(json.dumps({"text": text}) + "\n")


def timed(command: list[object], environment: dict[str, str], begins: bool) -> float:
    """Seconds of the whole command, or from the line by which it says that imports are done."""
    start = time.monotonic()
    words = [str(word) for word in command]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        if begins:
            child.stdout.readline()
            start = time.monotonic()
        child.stdout.read()
    if child.returncode != 0:
        sys.exit(f"{' '.join(words[:4])} ...: failed")
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--build", type=Path, default=ROOT / "build/engine")
    given = parser.parse_args()
    python = ROOT / ".venv/bin/python"
    environment = {"BASCULE_PYTHON": str(python)} | os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as work:
        rows, plain, ours = (Path(work) / name for name in ("rows.jsonl", "plain", "ours"))
        write_rows(rows, given.rows)
        tokenize = [
            given.build / "bascule", "data", "tokenize", rows, "--tokenizer", given.tokenizer,
            "--output", ours, "--overwrite", "--quiet", "--workers",
        ]  # fmt: skip
        interop = environment | {"PYTHONPATH": str(ROOT / "tests/interop")}
        loop = [python, "-c", LOOP, rows, given.tokenizer, plain]
        seconds: dict[str, list[float]] = {}
        for _ in range(given.runs):
            for count in sorted({1, given.workers}):
                name = f"bascule, {count} worker{'s' * (count > 1)}, start included"
                took = timed([*tokenize, count], environment, begins=False)
                seconds.setdefault(name, []).append(took)
            took = timed(loop, interop, begins=True)
            seconds.setdefault("plain loop, after its imports", []).append(took)
        for end in (".bin", ".idx"):
            assert Path(f"{ours}{end}").read_bytes() == Path(f"{plain}{end}").read_bytes()
        listed = [given.build / "bascule", "data", "list", ours, "--json"]
        shown = subprocess.run(listed, capture_output=True, check=True).stdout
        tokens = json.loads(shown)["datasets"][0]["tokens"]
    print(f"{tokens:,} tokens, {given.rows:,} rows\n\n| | tokens a second |\n|---|---|")
    for name, all_of in seconds.items():
        print(f"| {name} | {tokens / statistics.median(all_of):,.0f} |")


if __name__ == "__main__":
    main()
