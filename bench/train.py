#!/usr/bin/env python3
"""Times full training steps: bascule-engine, and transformers with the same weights and data.

    bench/train.py                                Llama-3.2-1B: 2 x 4096, and 4 times 1 x 8192
    bench/train.py --model llama3_8b_8layers      Llama-3-8B with 8 of its layers: 1 x 8192
    bench/train.py --model qwen3_30b_a3b_4layers  Qwen3-30B-A3B with 4 of its layers: 2 x 4096
    bench/train.py --model smollm2_135m           on a CPU, in fp32: 1 x 512
    bench/train.py --batch 1x8192x8 --peer compiled --peer "compiled masters" --rounds 3

Run it with a Python that has torch and transformers; it needs build/engine. Prints a line of JSON for
each run, and Markdown tables: medians of interleaved runs, and the median of the runs' ratios.

Both start from one Hugging Face directory of random weights, see the same random tokens in the same
order, and train all parameters with the same settings of AdamW, gradients clipped; the losses of
their first steps must agree. On a GPU that is in bf16: ours keeps fp32 masters, gradients and moments,
as the peer's `masters` do. Our time of a step is the median of the steps after the first --warm, the
peer's their mean, which it makes without waiting for the GPU in between. Peak memory is what torch's
allocator, which both use, has had in use; on a CPU, the process's. Model FLOPs are counted by
train_models.py. Experts are measured twice, chosen in turn on both sides and chosen by random
weights; the peer has them in grouped products. On a GPU one more run of ours is traced: what its
steps are made of (kernel_times.py).
"""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import contender
import indexed_dataset
import kernel_times
from train_models import MODELS, Work

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "python/bascule"))
from torch_libraries import torch_folder, torch_libraries

PEAK = 989e12  # dense bf16 of an H100 or H200, FLOP/s
AGREE = 0.01  # of the loss: both round to bf16, in another order


@dataclass
class Run:
    """What one run gave."""

    model: str
    batch: str
    who: str
    step_s: float
    first_step_s: float
    first_loss: float
    last_loss: float
    peak_bytes: int
    tokens_per_second: float
    tflops: float

    @staticmethod
    def of(work: Work, who: str, found: dict) -> "Run":
        return Run(
            MODELS[work.model].title,
            work.name,
            who,
            **found,
            tokens_per_second=work.tokens / found["step_s"],
            tflops=work.flops / found["step_s"] / 1e12,
        )


class Ours:
    def __init__(self, build: Path) -> None:
        self.engine, self.converter = build / "bascule-engine", build / "bascule"

    def command(self, work: Work, steps: int) -> list[object]:
        model = MODELS[work.model]
        settings = [
            f"model.seq_length={work.length}",
            f"train.micro_batch_size={work.rows}",
            f"train.global_batch_size={work.samples}",
            f"train.train_iters={steps}",
            "optimizer.lr=1e-5",
            "optimizer.min_lr=1e-5",
            "optimizer.adam_beta2=0.95",
            "optimizer.adam_eps=1e-8",
            "optimizer.weight_decay=0.1",
            "scheduler.lr_decay_style=constant",
            "scheduler.lr_warmup_iters=0",
            "validation.eval_iters=0",
            f"dataset.blend={work.folder / 'tokens'}",
            "dataset.split=1",
            f"dataset.path_to_cache={work.cache(steps)}",
        ]
        if work.in_turn:
            settings.append("model.moe_router_force_load_balancing=true")
        return [self.engine, "train", model.recipe, *model.overrides, *settings]

    def make_weights(self, work: Work) -> None:
        """Random ones, as a Hugging Face directory."""
        start = work.folder / "start"
        save = ["optimizer.lr=0", "optimizer.min_lr=0", "checkpoint.save_optim=false"]
        self.run(work, [*self.command(work, 1), *save, f"checkpoint.save={start}"])
        self.run(work, [self.converter, "export", "--no-verify", start, work.folder / "hf"])
        shutil.rmtree(start)

    def run(self, work: Work, command: list[object]) -> tuple[float, int]:
        return contender.run(command, work.folder / "log")

    def train(self, work: Work) -> Run:
        metrics = work.folder / "metrics.jsonl"
        metrics.unlink(missing_ok=True)
        weights = f"checkpoint.pretrained_checkpoint={work.folder / 'hf'}"
        command = [
            *self.command(work, work.warm + work.steps),
            weights,
            f"logger.metrics_path={metrics}",
        ]
        wall, rss = self.run(work, command)
        rows = [json.loads(line) for line in metrics.read_text().splitlines()]
        seconds = [row["seconds"] for row in rows]
        found = {
            "step_s": statistics.median(seconds[work.warm :]),
            "first_step_s": wall - sum(seconds[1:]),
            "first_loss": rows[0]["loss"],
            "last_loss": rows[-1]["loss"],
            "peak_bytes": rows[-1].get("peak_memory_bytes", rss),
        }
        return Run.of(work, "bascule", found)

    def trace(self, work: Work) -> dict:
        folder = work.folder / "trace"
        shutil.rmtree(folder, ignore_errors=True)
        profile = [f"logger.tensorboard_dir={folder}", "profiling.use_pytorch_profiler=true"]
        profile += ["profiling.profile_step_start=6", "profiling.profile_step_end=12"]
        weights = f"checkpoint.pretrained_checkpoint={work.folder / 'hf'}"
        self.run(work, [*self.command(work, 13), weights, *profile])
        (trace,) = folder.glob("*.pt.trace.json")
        return kernel_times.breakdown(trace)


def make_data(work: Work) -> None:
    """Random tokens, enough for every run."""
    shutil.rmtree(work.cache(work.warm + work.steps), ignore_errors=True)
    chance = random.Random(1)
    count = work.length * (work.samples * (work.warm + work.steps) + 1) + 1
    indexed_dataset.write(work.folder / "tokens", (chance.randrange(32000) for _ in range(count)))


def peer(work: Work, kind: str) -> Run:
    given = {"work": asdict(work) | {"folder": str(work.folder)}, "kind": kind}
    command = [sys.executable, ROOT / "bench/train_peer.py", json.dumps(given)]
    log = work.folder / "log"
    _, rss = contender.run(command, log)
    found = json.loads(log.read_text().splitlines()[-1])
    return Run.of(work, f"transformers, {kind}", found | {"peak_bytes": found["peak_bytes"] or rss})


def check_losses(runs: list[Run]) -> None:
    first = [run.first_loss for run in runs]
    if max(first) - min(first) > AGREE * min(first):
        sys.exit(f"the first losses of {', '.join(run.who for run in runs)} differ: {first}")


def table(rounds: list[list[Run]]) -> list[str]:
    """Rows of one step, a column of the rounds for each way."""
    lines = []
    for column in zip(*rounds, strict=True):
        runs = list(column)
        middle = replace(
            runs[0],
            **{
                name: statistics.median(getattr(run, name) for run in runs)
                for name, value in asdict(runs[0]).items()
                if not isinstance(value, str)
            },
        )
        ratios = [
            each[0].tokens_per_second / run.tokens_per_second
            for each, run in zip(rounds, runs, strict=True)
        ]
        share = f"{1e14 * middle.tflops / PEAK:.1f}"
        lines.append(
            f"| {middle.model} | {middle.batch} | {middle.who} | {middle.tokens_per_second:,.0f} "
            f"| {statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f}) "
            f"| {middle.tflops:.1f} | {share} | {middle.peak_bytes / 2**30:.2f} "
            f"| {1e3 * middle.step_s:.1f} | {middle.first_step_s:.1f} | {middle.first_loss:.4f} "
            f"| {middle.last_loss:.4f} |"
        )
    return lines


HEAD = """\
| model | batch | | tokens/s | bascule's × | TFLOP/s | % of 989 | peak, GiB | step, ms | to first step, s \
| first loss | last loss |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""


def measure(work: Work, ours: Ours, kinds: list[str], rounds: int) -> list[str]:
    found = []
    for _ in range(rounds):
        found.append([])
        for kind in ["", *kinds]:
            run = peer(work, kind) if kind else ours.train(work)
            print(json.dumps(asdict(run)), flush=True)
            found[-1].append(run)
        check_losses(found[-1])
    return table(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="llama32_1b")
    parser.add_argument("--routing", choices=("in_turn", "free", "both"), default="both")
    parser.add_argument(
        "--batch", action="append", help="ROWSxLENGTH[xMICRO-BATCHES], or more of them"
    )
    parser.add_argument("--steps", type=int, default=12, help="that are timed")
    parser.add_argument("--warm", type=int, default=5, help="steps before those")
    parser.add_argument("--rounds", type=int, default=2, help="interleaved runs of each")
    parser.add_argument("--peer", action="append", help="compiled, eager, or compiled masters")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build/engine")
    given = parser.parse_args()
    model = MODELS[given.model]
    ours = Ours(given.build.resolve())
    os.environ["BASCULE_DEVICE"] = model.device
    if torch := torch_folder():
        os.environ["LD_LIBRARY_PATH"] = torch_libraries(torch)
    kinds = (
        [] if given.no_peer else given.peer or ["compiled" if model.device == "cuda" else "eager"]
    )
    ways = {"in_turn": [True], "free": [False], "both": [True, False]}[given.routing]
    lines, traces = [HEAD], []
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        for batch in given.batch or model.batches:
            rows, length, *more = map(int, batch.split("x"))
            shape = {"rows": rows, "length": length, "accumulate": more[0] if more else 1}
            plain = Work(
                given.model,
                Path(folder),
                **shape,
                in_turn=False,
                steps=given.steps,
                warm=given.warm,
            )
            make_data(plain)
            if not (plain.folder / "hf").exists():
                ours.make_weights(plain)
            for in_turn in ways if model.experts else [False]:
                work = replace(plain, in_turn=in_turn)
                lines += measure(work, ours, kinds, given.rounds)
                if model.device == "cuda":
                    traces.append((work.name, ours.trace(work)))
    print("\n".join(["", *lines]))
    for name, found in traces:
        print(f"\n{model.title}, {name}:\n\n{kernel_times.table(found)}")


if __name__ == "__main__":
    main()
