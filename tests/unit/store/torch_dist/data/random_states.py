"""Writes rng_fresh.pt, rng_long.pt and rng_drawn.pt: the object `rng_state` as Megatron Bridge
collects it, of generators that were seeded, and of some that have drawn.
"""

import random
import struct
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
SHORT, LONG = 1234, 2**40 + 7


def cuda(seed: int, drawn: int = 0) -> torch.Tensor:
    """torch.cuda.get_rng_state() of a generator with this seed."""
    return torch.tensor(list(struct.pack("<QQ", seed, drawn)), dtype=torch.uint8)


def seed_all(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def write(name: str, seed: int, named: dict[str, torch.Tensor]) -> None:
    states = {
        "random_rng_state": random.getstate(),
        "np_rng_state": np.random.get_state(),
        "torch_rng_state": torch.get_rng_state(),
        "cuda_rng_state": cuda(seed),
        "rng_tracker_states": named,
    }
    torch.save([[states]], HERE / name)


seed_all(SHORT)
names = {"data-parallel-rng": 0, "model-parallel-rng": 2718, "expert-parallel-rng": 1024}
write("rng_fresh.pt", SHORT, {name: cuda(SHORT + more) for name, more in names.items()})
seed_all(LONG)
write("rng_long.pt", LONG, {})
random.gauss(0, 1)
np.random.standard_normal()
torch.rand(3)
write("rng_drawn.pt", LONG, {"model-parallel-rng": cuda(5, 8)})
