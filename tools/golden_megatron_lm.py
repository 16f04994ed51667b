"""Writes tests/golden/megatron_lm/*.pt: the common state that Megatron-LM 0.16.1 would save, its
arguments those that its own parser makes of a command line.

    .venv/bin/python tools/golden_megatron_lm.py MEGATRON_LM

MEGATRON_LM is a checkout of the tag core_v0.16.1: it is no package. Megatron-Core comes from the
peers of tests/interop.
"""

import os
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/golden/megatron_lm"
sys.path.insert(0, str(ROOT / "tests/interop"))
from oracle import boot  # noqa: E402

COMMON = """--num-layers 3 --hidden-size 96 --num-attention-heads 6 --group-query-attention
--num-query-groups 2 --ffn-hidden-size 152 --seq-length 64 --max-position-embeddings 512
--normalization RMSNorm --swiglu --disable-bias-linear --position-embedding-type rope
--tokenizer-type NullTokenizer --vocab-size 300 --micro-batch-size 1 --train-iters 10 --lr 0.001
--mock-data"""
# name: a command line, and the rows that a tokenizer's vocabulary is padded to
COMMANDS = {
    # What tests/golden/llama is.
    "llama": (
        "--untie-embeddings-and-output-weights --use-rope-scaling --rotary-base 50000 --bf16",
        259,
    ),
    "qwen3_moe": (
        "--kv-channels 24 --qk-layernorm --norm-epsilon 1e-6 --num-experts 8 "
        "--moe-ffn-hidden-size 40 --moe-router-topk 2 --moe-grouped-gemm "
        "--moe-layer-freq ([0]+[1]*2) --moe-router-load-balancing-type aux_loss "
        "--moe-aux-loss-coeff 1e-3",
        384,
    ),
}
# Of the machine, not of the training.
MACHINE = ("rank", "world_size", "local_rank")


def parser(checkout: Path) -> types.ModuleType:
    """megatron.training.arguments, without what megatron.training imports to train."""
    import torch

    torch.cuda.get_device_capability = lambda *device: (9, 0)
    training = types.ModuleType("megatron.training")
    training.__path__ = [str(checkout / "megatron/training")]
    for name in ("get_args", "get_timers", "get_adlr_autoresume"):
        setattr(training, name, lambda: None)
    sys.modules["megatron.training"] = training
    sys.path.insert(0, str(checkout))
    from megatron.training import arguments

    return arguments


def main() -> None:
    boot.install()
    import torch

    arguments = parser(Path(sys.argv[1]))
    GOLDEN.mkdir(exist_ok=True)
    for name, (command, rows) in COMMANDS.items():
        sys.argv = ["pretrain_gpt.py", *COMMON.split(), *command.split()]
        args = arguments.validate_args(arguments.parse_args(), {})
        args.padded_vocab_size = rows
        for each in MACHINE:
            delattr(args, each)
        state = {"args": args, "checkpoint_version": 3.0, "iteration": 10}
        os.chdir(GOLDEN)  # the archive is named after the file
        torch.save(state, f"{name}.pt")


if __name__ == "__main__":
    main()
