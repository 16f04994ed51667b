"""What Megatron-Core imports from Transformer Engine and does not call here. Calling any of it
raises.
"""

import contextlib
import sys
import types

import torch


def _refuse(name: str):
    def refuse(*args, **named):
        raise NotImplementedError(f"the stand-in for Transformer Engine has no {name}")

    return refuse


class Fp8State:
    @staticmethod
    def is_fp8_enabled() -> bool:
        return False


class NoQuantizedTensor:
    """Nothing is an instance of it."""


class RngTracker:
    """Megatron-Core subclasses this; random numbers are not what is tested."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.states_, self.seeds_ = {}, set()

    def get_states(self) -> dict:
        return dict(self.states_)

    def set_states(self, states: dict) -> None:
        self.states_ = states

    def add(self, name: str, seed: int) -> None:
        self.states_[name] = seed

    def fork(self, name: str = "model-parallel-rng"):
        return contextlib.nullcontext()


def _context(enabled: bool = False, **named):
    if enabled:
        raise NotImplementedError("the stand-in for Transformer Engine has no FP8")
    return contextlib.nullcontext()


RECIPES = (
    "CustomRecipe",
    "DelayedScaling",
    "Float8BlockScaling",
    "Float8CurrentScaling",
    "MXFP8BlockScaling",
    "NVFP4BlockScaling",
    "Recipe",
)
OPERATIONS = (
    "AllReduce",
    "BasicLinear",
    "Bias",
    "FusibleOperation",
    "GEGLU",
    "GELU",
    "LayerNorm",
    "RMSNorm",
    "ReGLU",
    "ReLU",
    "ReduceScatter",
    "Sequential",
    "SiLU",
    "SwiGLU",
)
REFUSED = {
    "pytorch.attention.rope": ("apply_rotary_pos_emb",),
    "pytorch.distributed": ("activation_recompute_forward", "checkpoint"),
    "pytorch.permutation": (
        "moe_permute",
        "moe_permute_with_probs",
        "moe_sort_chunks_by_index",
        "moe_sort_chunks_by_index_with_probs",
        "moe_unpermute",
    ),
    "pytorch.router": (
        "fused_compute_score_for_moe_aux_loss",
        "fused_moe_aux_loss",
        "fused_topk_with_score_function",
    ),
}
VALUES = {
    "common": {},
    "common.recipe": {
        "Format": types.SimpleNamespace(E4M3="e4m3", HYBRID="hybrid"),
        **{name: type(name, (), {"__init__": _refuse(name)}) for name in RECIPES},
    },
    "pytorch.attention.rope": {},
    "pytorch.distributed": {
        "CudaRNGStatesTracker": RngTracker,
        "get_all_rng_states": dict,
        "is_fp8_activation_recompute_enabled": Fp8State.is_fp8_enabled,
    },
    "pytorch.fp8": {
        "FP8GlobalStateManager": Fp8State,
        "fp8_autocast": _context,
        "fp8_model_init": _context,
    },
    "pytorch.ops": {
        name: type(name, (torch.nn.Module,), {"__init__": _refuse(name)}) for name in OPERATIONS
    },
    "pytorch.permutation": {},
    "pytorch.router": {},
    "pytorch.tensor": {"QuantizedTensor": NoQuantizedTensor},
}


def install() -> None:
    """Makes a module of each name above and hangs it where an import looks for it."""
    root = __package__
    for name, values in VALUES.items():
        module = types.ModuleType(f"{root}.{name}")
        module.__path__ = []
        vars(module).update(values)
        vars(module).update({refused: _refuse(refused) for refused in REFUSED.get(name, ())})
        sys.modules[module.__name__] = module
        parent, _, leaf = module.__name__.rpartition(".")
        setattr(sys.modules[parent], leaf, module)
