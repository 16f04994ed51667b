#!/usr/bin/env python3
"""Times full training steps of SmolLM2-135M on this CPU, in fp32, against transformers.

    bench/train_cpu.py [--length 512] [--steps 6] [--rounds 3] [--threads N]

Both start from the same random weights (seeded, made by bascule and exported), see the same tokens
(one random row, again and again), and use AdamW with fp32 moments; clipping is on for both. Runs are
interleaved; the first two steps of each are left out. Prints a Markdown table: tokens a second
(median over all steps), peak memory of the process. Needs build/engine, build/release and .venv.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VOCABULARY = 49152

PEER = """
import json, sys, time, numpy, torch, transformers
hf, data, length, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = transformers.AutoModelForCausalLM.from_pretrained(
    hf, dtype=torch.float32, attn_implementation="sdpa").train()
decay = [p for p in model.parameters() if p.dim() > 1]
plain = [p for p in model.parameters() if p.dim() <= 1]
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
    lr=1e-4, fused=True)
tokens = numpy.fromfile(data + ".bin", dtype="<i4").astype("int64")
for step in range(steps):
    row = torch.from_numpy(tokens[step * length : step * length + length + 1])
    start = time.monotonic()
    logits = model(input_ids=row[None, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits[0], row[1:])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    print(json.dumps({"loss": loss.item(), "seconds": time.monotonic() - start}), flush=True)
"""


def run(command: list[object], environment: dict[str, str]) -> tuple[str, int]:
    """Standard output and peak memory in bytes."""
    read, write = os.pipe()
    child = subprocess.Popen([str(word) for word in command], stdout=write, env=environment)
    os.close(write)
    with open(read) as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(map(str, command))}: failed")
    return text, usage.ru_maxrss * 1024


def write_tokens(prefix: Path, length: int, samples: int) -> None:
    """One random row again and again, so that every order of samples is the same."""
    chance = random.Random(1)
    row = [chance.randrange(VOCABULARY) for _ in range(length)]
    count = length * samples + 1
    tokens = (row * (samples + 1))[:count]
    Path(f"{prefix}.bin").write_bytes(struct.pack(f"<{count}i", *tokens))
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 4, 1, 2)
    Path(f"{prefix}.idx").write_bytes(header + struct.pack("<iqqq", count, 0, 0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--engine", type=Path, default=ROOT / "build/engine/bascule-engine")
    parser.add_argument("--work", type=Path, default=ROOT / "build/bench")
    given = parser.parse_args()
    environment = os.environ | {"OMP_NUM_THREADS": str(given.threads), "HF_HUB_OFFLINE": "1"}
    work = given.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_tokens(work / "tokens", given.length, given.steps + 2)
    ours = [
        given.engine, "train", "smollm2_135m", f"model.seq_length={given.length}",
        "train.micro_batch_size=1", "train.global_batch_size=1", "optimizer.lr=1.0e-4",
        "scheduler.lr_warmup_iters=0", f"train.train_iters={given.steps}",
        f"scheduler.lr_decay_iters={given.steps}", "validation.eval_iters=0", "rng.seed=1",
        f"dataset.blend={work / 'tokens'}", "dataset.split=1", "mixed_precision=null",
        "optimizer.weight_decay=0.1",
    ]  # fmt: skip
    start = [*ours[:-1], "optimizer.lr=0", "optimizer.min_lr=0", "train.train_iters=1", "scheduler.lr_decay_iters=1"]
    run([*start, f"checkpoint.save={work / 'start'}"], environment)
    run([ROOT / "build/release/bascule", "export", work / "start", work / "hf"], environment)
    weights = f"checkpoint.pretrained_checkpoint={work / 'hf'}"
    metrics = work / "metrics.jsonl"
    seconds: dict[str, list[float]] = {"bascule": [], "transformers": []}
    peaks = dict.fromkeys(seconds, 0)
    losses: dict[str, list[float]] = {}
    for _ in range(given.rounds):
        metrics.unlink(missing_ok=True)
        _, peak = run([*ours, weights, f"logger.metrics_path={metrics}"], environment)
        texts = {"bascule": (metrics.read_text(), peak)}
        peer = [ROOT / ".venv/bin/python", "-c", PEER, work / "hf", work / "tokens"]
        texts["transformers"] = run([*peer, given.length, given.steps], environment)
        for name, (text, peak) in texts.items():
            rows = [json.loads(line) for line in text.splitlines()]
            seconds[name] += [row["seconds"] for row in rows[2:]]
            losses[name] = [row["loss"] for row in rows]
            peaks[name] = max(peaks[name], peak)
    rate = {name: given.length / statistics.median(all_) for name, all_ in seconds.items()}
    print(f"\n`bench/train_cpu.py {' '.join(sys.argv[1:])}`: {given.threads} threads\n")
    print("| | tokens/s | × transformers | peak memory | loss, first step |")
    print("|---|---:|---:|---:|---:|")
    for name in seconds:
        print(
            f"| {name} | {rate[name]:.1f} | {rate[name] / rate['transformers']:.2f} "
            f"| {peaks[name] / 1e9:.2f} GB ({peaks[name] / peaks['transformers']:.2f} ×) "
            f"| {losses[name][0]:.4f} |"
        )
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
