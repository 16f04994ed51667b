#!/usr/bin/env python3
"""Where the time of a training step on a GPU goes, from a trace of it.

    bascule train llama32_1b train.train_iters=20 profiling.use_pytorch_profiler=true \\
        profiling.profile_step_end=16
    bench/kernel_times.py steps_10_16.pt.trace.json

Prints a Markdown table: milliseconds a step and share of it, by kind of kernel; what no kernel
covers is idle. A step is what the trace calls "step": what the CPU does for it, while the GPU still
finishes the one before. So time counts from the second one's start to the last one's, of at least three.
Host time is what the CPU does beside waiting for the GPU.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

# The first pattern that a kernel's name holds names its kind.
KINDS = (
    ("attention", r"cudnn|flash_|fmha|sdpa"),
    ("products", r"gemm|nvjet|cutlass|splitK|cublas|add_products"),
    ("AdamW and norm of gradients", r"adamw|square"),
    ("cross entropy", r"cuda::.*::loss<"),
    ("RMSNorm", r"norm|rms|add_parts"),
    ("rope", r"turn_|rope"),
    ("activation", r"activation|gated|silu"),
    ("embedding", r"embed"),
    ("routing of experts", r"route|_rows<|place\(|expert|topk|sort|scan"),
    ("copies and fills", r"memcpy|memset|copy|fill"),
    ("additions", r"functor_add|add_kernel"),
)
GPU = ("kernel", "gpu_memcpy", "gpu_memset")
WAITS = re.compile(r"Synchronize|cudaMemcpyAsync|cudaStreamWait")


def kind_of(name: str) -> str:
    return next((kind for kind, words in KINDS if re.search(words, name, re.IGNORECASE)), "other")


def covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of spans."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def breakdown(trace: Path) -> dict:
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e.get("ph") == "X"]
    steps = [e["ts"] for e in events if e["name"] == "step" and e.get("cat") == "user_annotation"]
    if len(steps) < 3:
        sys.exit(
            f"{trace}: {len(steps)} steps are traced; give profiling.profile_step_start and _end"
        )
    begin, end, count = sorted(steps)[1], max(steps), len(steps) - 2
    inside = [e for e in events if begin <= e["ts"] < end]
    kinds: dict[str, float] = defaultdict(float)
    others: dict[str, float] = defaultdict(float)
    spans = []
    for event in (e for e in inside if e.get("cat") in GPU):
        kind = kind_of(event["name"])
        kinds[kind] += event["dur"]
        if kind == "other":
            others[event["name"][:100]] += event["dur"]
        spans.append((event["ts"], event["ts"] + event["dur"]))
    waits = [
        (e["ts"], e["ts"] + e["dur"])
        for e in inside
        if e.get("cat") in ("cuda_runtime", "cuda_driver") and WAITS.search(e["name"])
    ]
    scale = 1e-3 / count
    return {
        "step_ms": (end - begin) * scale,
        "kinds_ms": {kind: time * scale for kind, time in kinds.items()},
        "others_ms": {name: time * scale for name, time in others.items()},
        "idle_ms": (end - begin - covered(spans)) * scale,
        "host_ms": (end - begin - covered(waits)) * scale,
        "kernels": len(spans) / count,
    }


def table(found: dict) -> str:
    step = found["step_ms"]
    rows = sorted(found["kinds_ms"].items(), key=lambda row: -row[1])
    lines = ["| | ms a step | % |", "|---|---:|---:|"]
    for name, time in [*rows, ("idle", found["idle_ms"]), ("whole step", step)]:
        lines.append(f"| {name} | {time:.2f} | {100 * time / step:.1f} |")
    lines.append(
        f"\n{found['kernels']:.0f} kernels and copies a step; the host works {found['host_ms']:.1f} ms."
    )
    for name, time in sorted(found["others_ms"].items(), key=lambda row: -row[1])[:8]:
        lines.append(f"other: {time:.3f} ms {name}")
    return "\n".join(lines)


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    print(table(breakdown(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
