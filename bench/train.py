#!/usr/bin/env python3
"""Times full training steps on one GPU: bascule-engine, and transformers with the same model.

    bench/train.py                            Llama-3.2-1B: 2 x 4096, and 1 x 8192
    bench/train.py --model llama3_8b_8layers  Llama-3-8B with 8 of its layers: 1 x 8192
    bench/train.py --model qwen3_30b_a3b_4layers
                                              Qwen3-30B-A3B with 4 of its layers: 2 x 4096
    bench/train.py --batch 1x8192 --accumulate 4
    bench/train.py --peer compiled            only this setting of transformers
    bench/train.py --no-peer

Prints a line of JSON for each run, and a Markdown table. Both train all parameters in bf16, clip
gradients and run AdamW each step; ours keeps fp32 masters, gradients and moments, as the peer's
`masters` do. Tokens per second come from the median step after the first --warm ones, the
peer's from their mean, which it makes without waiting for the GPU in between; peak memory
is what the allocator of torch, which both use, has had in use. Model FLOPs count products of
weights (those of experts that a token reaches) and causal attention three times a token, once
forward and twice backward. Experts are measured twice: chosen in turn on both sides, so that all
are equally busy, and chosen by random weights. The peer has them in grouped products (its
experts_implementation "grouped_mm").
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "python/bascule"))

PEAK = 989e12  # dense bf16 of an H100 or H200, FLOP/s

PEERS = ("compiled", "compiled masters", "eager")


@dataclass(frozen=True)
class Model:
    """What is trained: a recipe of ours with these overrides, and transformers' configuration."""

    title: str
    recipe: str
    overrides: dict[str, object]
    architecture: str
    config: dict[str, object]
    batches: tuple[str, ...]

    @property
    def experts(self) -> bool:
        return "num_experts" in self.config

    @property
    def peers(self) -> tuple[str, ...]:
        # Its grouped products of fp32 weights are not made in bf16.
        return tuple(peer for peer in PEERS if not (self.experts and peer.endswith("masters")))


MODELS = {
    "llama32_1b": Model(
        "Llama-3.2-1B",
        "llama32_1b",
        {},
        "LlamaConfig",
        {
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "vocab_size": 128256,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "tie_word_embeddings": True,
            "rope_theta": 5e5,
            "max_position_embeddings": 131072,
        },
        ("2x4096", "1x8192"),
    ),
    "llama3_8b_8layers": Model(
        "Llama-3-8B, 8 layers",
        "llama3_8b",
        {"model.num_layers": 8},
        "LlamaConfig",
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 8,
            "vocab_size": 128256,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": False,
            "rope_theta": 5e5,
            "max_position_embeddings": 8192,
        },
        ("1x8192",),
    ),
    "qwen3_30b_a3b_4layers": Model(
        "Qwen3-30B-A3B, 4 layers",
        "qwen3_30b_a3b",
        {
            "model.num_layers": 4,
            "model.recompute_granularity": "null",
            "model.recompute_method": "null",
            "model.recompute_num_layers": "null",
        },
        "Qwen3MoeConfig",
        {
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "moe_intermediate_size": 768,
            "num_hidden_layers": 4,
            "vocab_size": 151936,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "head_dim": 128,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "norm_topk_prob": True,
            "tie_word_embeddings": False,
            "rope_theta": 1e6,
            "max_position_embeddings": 40960,
        },
        ("2x4096",),
    ),
}


@dataclass
class Shape:
    """A step: so many micro-batches of so many sequences of so many tokens."""

    model: Model
    rows: int
    length: int
    accumulate: int
    in_turn: bool = False  # how experts are chosen

    @property
    def tokens(self) -> int:
        return self.rows * self.length * self.accumulate

    @property
    def name(self) -> str:
        times = f" x {self.accumulate}" if self.accumulate > 1 else ""
        experts = ", experts in turn" if self.in_turn else ""
        return f"{self.rows} x {self.length}{times}{experts}"


@dataclass
class Row:
    """What one run gave."""

    model: str
    who: str
    batch: str
    tokens_per_second: float
    tflops: float
    mfu: float
    peak_gib: float
    step_ms: float
    first_step_s: float
    loss: float


def flops_per_token(model: Model, length: int) -> float:
    m = model.config
    hidden, heads, kv, dim = (
        m["hidden_size"],
        m["num_attention_heads"],
        m["num_key_value_heads"],
        m["head_dim"],
    )
    width = m["intermediate_size"]
    if model.experts:
        width = m["moe_intermediate_size"] * m["num_experts_per_tok"]
    attention = 2 * hidden * dim * (2 * heads + 2 * kv) + 2 * 2 * heads * dim * length / 2
    layer = attention + 6 * hidden * width
    return 3 * (m["num_hidden_layers"] * layer + 2 * hidden * m["vocab_size"])


def row(who: str, shape: Shape, steps: list[float], peak: float, first: float, loss: float) -> Row:
    seconds = statistics.median(steps)
    speed = shape.tokens / seconds
    flops = speed * flops_per_token(shape.model, shape.length)
    return Row(
        shape.model.title,
        who,
        shape.name,
        round(speed),
        round(flops / 1e12, 1),
        round(100 * flops / PEAK, 1),
        round(peak / 2**30, 1),
        round(1e3 * seconds, 1),
        round(first, 1),
        round(loss, 4),
    )


def ours(shape: Shape, steps: int, warm: int, engine: Path) -> Row:
    from torch_libraries import torch_folder, torch_libraries

    with tempfile.TemporaryDirectory() as folder:
        metrics = Path(folder) / "metrics.jsonl"
        settings = {
            "model.seq_length": shape.length,
            "train.micro_batch_size": shape.rows,
            "train.global_batch_size": shape.rows * shape.accumulate,
            "train.train_iters": steps + warm,
            "scheduler.lr_warmup_iters": 1,
            "validation.eval_iters": 0,
            "logger.metrics_path": metrics,
        } | shape.model.overrides
        if shape.in_turn:
            settings["model.moe_router_force_load_balancing"] = "true"
        command = [engine, "train", shape.model.recipe]
        command += [f"{key}={value}" for key, value in settings.items()]
        environment = os.environ | {"BASCULE_DEVICE": "cuda", "LD_LIBRARY_PATH": torch_libraries(torch_folder())}
        began = time.monotonic()
        run = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
        wall = time.monotonic() - began
        if run.returncode != 0:
            sys.exit(f"{engine}: exit {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    times = [each["seconds"] for each in rows]
    return row(
        "bascule",
        shape,
        times[warm:],
        rows[-1]["peak_memory_bytes"],
        wall - sum(times[1:]),
        rows[-1]["loss"],
    )


def choose_in_turn(router, hidden_states):
    """As transformers' router of Qwen3-MoE, but for the choice."""
    import torch

    hidden = hidden_states.reshape(-1, router.hidden_dim)
    logits = torch.nn.functional.linear(hidden, router.weight)
    scores = logits.softmax(dim=-1, dtype=torch.float)
    choices = torch.arange(hidden.shape[0] * router.top_k, device=hidden.device)
    experts = (choices % router.num_experts).view(-1, router.top_k)
    weights = scores.gather(1, experts)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return logits, weights.to(logits.dtype), experts


def peer(shape: Shape, steps: int, warm: int, kind: str) -> Row:
    """Runs in a process of its own, which imports torch."""
    import torch
    import transformers
    from torch.nn.attention import SDPBackend, sdpa_kernel

    began = time.monotonic()
    masters = kind.endswith("masters")
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    config = getattr(transformers, shape.model.architecture)(**shape.model.config)
    if shape.in_turn:
        from transformers.models.qwen3_moe import modeling_qwen3_moe

        modeling_qwen3_moe.Qwen3MoeTopKRouter.forward = choose_in_turn
    extra = {"experts_implementation": "grouped_mm"} if shape.model.experts else {}
    with torch.device("cuda"):
        model = transformers.AutoModelForCausalLM.from_config(
            config,
            dtype=torch.float32 if masters else torch.bfloat16,
            attn_implementation="sdpa",
            **extra,
        )
    model.config.use_cache = False
    forward = torch.compile(model) if kind.startswith("compiled") else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    tokens = torch.randint(0, config.vocab_size, (shape.rows, shape.length), device="cuda")

    def step() -> torch.Tensor:
        for _ in range(shape.accumulate):
            with (
                torch.autocast("cuda", torch.bfloat16, enabled=masters),
                sdpa_kernel(SDPBackend.CUDNN_ATTENTION),
            ):
                loss = forward(input_ids=tokens, labels=tokens).loss / shape.accumulate
                loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach() * shape.accumulate

    loss = step().item()
    first = time.monotonic() - began
    for _ in range(warm - 1):
        step()
    torch.cuda.synchronize()
    start = time.monotonic()
    for _ in range(steps):  # nothing waits for the GPU in between
        last = step()
    loss = last.item()
    mean = (time.monotonic() - start) / steps
    peak = torch.cuda.max_memory_allocated()
    return row(f"transformers, {kind}", shape, [mean], peak, first, loss)


def in_child(shape: Shape, arguments: argparse.Namespace, kind: str) -> Row:
    command = [sys.executable, __file__, "--child", kind, "--batch", f"{shape.rows}x{shape.length}"]
    command += ["--model", arguments.model, "--routing", "in_turn" if shape.in_turn else "free"]
    for option in ("accumulate", "steps", "warm"):
        command += [f"--{option}", str(getattr(arguments, option))]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"transformers, {kind}: exit {run.returncode}\n{run.stderr[-2000:]}")
    return Row(**json.loads(run.stdout.splitlines()[-1]))


def table(rows: list[Row]) -> str:
    columns = "tokens/s | TFLOP/s | MFU, % | peak, GiB | step, ms | to first step, s"
    lines = [f"| model | | batch | {columns} |", "|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(
            f"| {r.model} | {r.who} | {r.batch} | {r.tokens_per_second:,} | {r.tflops} | {r.mfu} "
            f"| {r.peak_gib} | {r.step_ms} | {r.first_step_s} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="llama32_1b")
    parser.add_argument("--routing", choices=("in_turn", "free", "both"), default="both")
    parser.add_argument("--batch", action="append", help="ROWSxLENGTH, more than once if wanted")
    parser.add_argument("--accumulate", type=int, default=1, help="micro-batches a step")
    parser.add_argument("--steps", type=int, default=20, help="that are timed")
    parser.add_argument("--warm", type=int, default=5, help="steps before those")
    parser.add_argument("--peer", action="append", choices=PEERS)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--engine", type=Path, default=ROOT / "build/engine/bascule-engine")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = MODELS[arguments.model]
    ways = {"in_turn": [True], "free": [False], "both": [True, False]}[arguments.routing]
    shapes = [
        Shape(model, *map(int, batch.split("x")), arguments.accumulate, in_turn)
        for batch in arguments.batch or model.batches
        for in_turn in (ways if model.experts else [False])
    ]
    if arguments.child:
        print(json.dumps(asdict(peer(shapes[0], arguments.steps, arguments.warm, arguments.child))))
        return
    rows = []
    for shape in shapes:
        runs = [lambda s=shape: ours(s, arguments.steps, arguments.warm, arguments.engine.resolve())]
        if not arguments.no_peer:
            for kind in arguments.peer or model.peers:
                runs.append(lambda s=shape, k=kind: in_child(s, arguments, k))
        for run in runs:
            rows.append(run())
            print(json.dumps(asdict(rows[-1])), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
