#!/usr/bin/env python3
"""Measures the Python package, against the real Megatron Bridge on the same CPU.

    bench/python.py [--size 1b] [--runs 3] [--peer-runs 2] [--steps 40]

Three tables: seconds and memory of an import; AutoBridge from a Hugging Face directory to a model in
memory and back to a directory (random bf16 weights, page cache hot); and a training step through
bascule.pretrain and through `bascule train`, whose ratio is what Python costs. Runs are interleaved,
medians compared. Needs build/release, build/engine, scripts/python_package.sh engine, and .venv.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from contender import ROOT, Contender, interleave, run

OURS = ROOT / "build/python/engine/bin/python"
PEER = ROOT / ".venv/bin/python"

NOTHING = "pass"
IMPORT = "import bascule"
IMPORT_MODEL = "import bascule, torch"
PEER_IMPORT = "from oracle import boot; boot.install(); from megatron.bridge import AutoBridge"
ROUND_TRIP = """
import sys
from bascule import AutoBridge
bridge = AutoBridge.from_hf_pretrained(sys.argv[1])
model = bridge.to_megatron_model(wrap_with_ddp=False)
bridge.save_hf_pretrained(model, sys.argv[2], show_progress=False)
"""
PEER_ROUND_TRIP = """
import sys
from oracle import boot
boot.install()
from megatron.bridge import AutoBridge
with boot.process_group():
    bridge = AutoBridge.from_hf_pretrained(sys.argv[1])
    model = bridge.to_megatron_model(wrap_with_ddp=False, use_cpu_initialization=True)
    bridge.save_hf_pretrained(model, sys.argv[2], show_progress=False)
"""
SETTINGS = {
    "model.num_layers": 4,
    "model.seq_length": 128,
    "train.micro_batch_size": 2,
    "train.global_batch_size": 4,
    "validation.eval_iters": 0,
    "logger.log_interval": 1,
    "mixed_precision": "null",
}
PRETRAIN = """
import bascule
from bascule.training.gpt_step import forward_step
cfg = bascule.ConfigContainer("pretrain", "smollm2_135m")
bascule.pretrain(cfg, forward_step)
"""


def table(title: str, contenders: list[Contender]) -> None:
    interleave(contenders)
    first = contenders[0]
    print(f"\n| {title} | seconds | × | peak memory | × |\n|---|---:|---:|---:|---:|")
    for each in contenders:
        print(
            f"| {each.name} | {each.spread(3)} | {each.median / first.median:.3f} "
            f"| {each.peak / 1e6:.0f} MB | {each.peak / first.peak:.2f} |"
        )


def step_seconds(command: list[object], folder: Path, log: Path) -> tuple[float, int]:
    """The median of the steps of a run that saves into the folder, the first two left out."""
    shutil.rmtree(folder, ignore_errors=True)
    _, peak = run(command, log)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return statistics.median(row["seconds"] for row in rows[2:]), peak


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", choices=("120m", "1b"), default="1b")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-runs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    given = parser.parse_args()
    work = ROOT / "build/bench_python"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    log, source, target = work / "log.txt", work / "hf", work / "out"
    run(["python3", ROOT / "tools/random_model.py", source, "--size", given.size], log)
    weights = sum(path.stat().st_size for path in source.glob("*.safetensors"))

    def program(python: Path, text: str, *words: object) -> Callable[[], tuple[float, int]]:
        def once() -> tuple[float, int]:
            shutil.rmtree(target, ignore_errors=True)
            os.sync()
            return run([python, "-c", text, *words], log)

        return once

    print(f"`{' '.join(['bench/python.py', *sys.argv[1:]])}`: {weights / 1e9:.2f} GB of bf16,")
    print(f"medians of {given.runs} interleaved runs (and their range), {os.cpu_count()} cores")
    table(
        "import",
        [
            Contender("Python alone", 5 * given.runs, program(OURS, NOTHING)),
            Contender("import bascule", 5 * given.runs, program(OURS, IMPORT)),
            Contender("import bascule, torch", given.runs, program(OURS, IMPORT_MODEL)),
            Contender("import megatron.bridge 0.3.1", given.peer_runs, program(PEER, PEER_IMPORT)),
        ],
    )
    table(
        "AutoBridge, there and back",
        [
            Contender("**bascule**", given.runs, program(OURS, ROUND_TRIP, source, target)),
            Contender(
                "Megatron Bridge 0.3.1",
                given.peer_runs,
                program(PEER, PEER_ROUND_TRIP, source, target),
            ),
        ],
    )
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    settings += [f"train.train_iters={given.steps}", f"checkpoint.save={work / 'run'}"]
    engine = ROOT / "build/engine/bascule-engine"
    commands: dict[str, list[object]] = {
        "`bascule train`": [engine, "train", "smollm2_135m", *settings],
        "`bascule.pretrain`": [
            "env", f"BASCULE_OVERRIDES={' '.join(settings)}", OURS, "-c", PRETRAIN,
        ],
    }
    contenders = []
    for name, command in commands.items():

        def once(command: list[object] = command) -> tuple[float, int]:
            return step_seconds(command, work / "run", log)

        contenders.append(Contender(name, given.runs, once))
    table("a step of training", contenders)
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
