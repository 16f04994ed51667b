#!/usr/bin/env python3
"""Trains with transformers what bench/train.py gives it, a JSON object on the command line, and
prints another: seconds of a step and to the first, the first step's loss and the last's, and on a
GPU the peak memory of torch's allocator. A process of its own for each run.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from train_models import MODELS, Work

KINDS = ("compiled", "compiled masters", "eager")


def choose_in_turn(router, hidden_states):
    """As transformers' router of Qwen3-MoE, but for the choice."""
    hidden = hidden_states.reshape(-1, router.hidden_dim)
    logits = torch.nn.functional.linear(hidden, router.weight)
    scores = logits.softmax(dim=-1, dtype=torch.float)
    choices = torch.arange(hidden.shape[0] * router.top_k, device=hidden.device)
    experts = (choices % router.num_experts).view(-1, router.top_k)
    weights = scores.gather(1, experts)
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return logits, weights.to(logits.dtype), experts


def load(work: Work, device: str, masters: bool) -> torch.nn.Module:
    if work.in_turn:
        from transformers.models.qwen3_moe import modeling_qwen3_moe

        modeling_qwen3_moe.Qwen3MoeTopKRouter.forward = choose_in_turn
    extra = {"experts_implementation": "grouped_mm"} if "num_experts" in work.config else {}
    model = transformers.AutoModelForCausalLM.from_pretrained(
        work.folder / "hf",
        dtype=torch.float32 if masters or device == "cpu" else torch.bfloat16,
        attn_implementation="sdpa",
        **extra,
    )
    model.config.use_cache = False
    return model.to(device).train()


def optimizer_of(model: torch.nn.Module) -> torch.optim.Optimizer:
    """With the settings that bench/train.py gives to ours."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.95), eps=1e-8, fused=True)


def batches(work: Work, device: str) -> torch.Tensor:
    """[step, micro-batch, row, token], with one more token for the last label: those that our run
    took, by the order of samples that it left in its cache."""
    (order,) = work.cache(work.warm + work.steps).glob("*-train-shuffle_index.npy")
    tokens = numpy.fromfile(work.folder / "tokens.bin", dtype="<i4")
    starts = numpy.load(order)[: work.samples * (work.warm + work.steps)].astype(numpy.int64)
    rows = tokens[starts[:, None] * work.length + numpy.arange(work.length + 1)]
    shaped = rows.reshape(-1, work.accumulate, work.rows, work.length + 1)
    return torch.from_numpy(shaped.astype(numpy.int64)).to(device)


def train(work: Work, kind: str) -> dict[str, float]:
    began = time.monotonic()
    device = MODELS[work.model].device
    masters = kind.endswith("masters")
    torch.set_float32_matmul_precision("high")
    model = load(work, device, masters)
    forward = torch.compile(model) if kind.startswith("compiled") else model
    optimizer = optimizer_of(model)
    data = batches(work, device)
    kernels = (
        SDPBackend.CUDNN_ATTENTION if device == "cuda" else list(SDPBackend.__members__.values())
    )

    def step(number: int) -> torch.Tensor:
        total = torch.zeros((), device=device)
        for rows in data[number]:
            tokens, labels = rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
            with torch.autocast(device, torch.bfloat16, enabled=masters), sdpa_kernel(kernels):
                loss = forward(input_ids=tokens, labels=labels, shift_labels=labels).loss
                loss = loss / work.accumulate
                loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    first_loss = step(0).item()
    first = time.monotonic() - began
    for number in range(1, work.warm):
        step(number)
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.monotonic()
    for number in range(work.warm, work.warm + work.steps):  # nothing waits for the GPU in between
        last = step(number)
    last_loss = last.item()
    return {
        "step_s": (time.monotonic() - start) / work.steps,
        "first_step_s": first,
        "first_loss": first_loss,
        "last_loss": last_loss,
        "peak_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else 0,
    }


def main() -> None:
    given = json.loads(sys.argv[1])
    work = Work(**given["work"] | {"folder": Path(given["work"]["folder"])})
    print(json.dumps(train(work, given["kind"])))


if __name__ == "__main__":
    main()
