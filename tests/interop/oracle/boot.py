"""Makes the real Megatron-Core and Megatron Bridge importable and usable on a machine without a
GPU.

Call install() before the first import of megatron or transformers. Everything it puts in place is
listed in ../README.md, with the reason why weights do not depend on it.
"""

import builtins
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE.parents[2] / ".peers"
# Packages that Bridge imports and conversion does not use. A really installed one wins over the
# stub.
UNUSED = {"datasets", "hydra", "modelopt", "open_clip", "qwen_vl_utils", "timm"}
# Modules of Megatron-Core that import triton without asking whether it is there. The others must
# not find it.
NEEDS_TRITON = ("batch_invariant_kernels", "fused_kv_append_kernel", "tensor_ops")
ENVIRONMENT = {
    "TORCHDYNAMO_DISABLE": "1",
    "NVTE_APPLY_QK_LAYER_SCALING": "0",
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
}


class Stub(types.ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        value = type(name, (), {"__init__": lambda self, *args, **named: None})
        setattr(self, name, value)
        return value


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.wanted = wanted

    def find_spec(self, name, path=None, target=None):
        if self.wanted(name):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec) -> Stub:
        module = Stub(spec.name)
        module.__path__ = []
        module.__version__ = "99.0"
        return module

    def exec_module(self, module) -> None:
        pass


def _patch_imports() -> None:
    real = builtins.__import__
    inside_megatron = [False]

    def import_(name, globals=None, locals=None, fromlist=(), level=0):
        importer = str((globals or {}).get("__name__", ""))
        root = name.split(".")[0]
        if level or not importer.startswith("megatron"):
            return real(name, globals, locals, fromlist, level)
        if root == "triton":
            if importer.rsplit(".", 1)[-1] not in NEEDS_TRITON:
                raise ImportError("no triton on a CPU")
            module = importlib.import_module(name.replace("triton", "cpu_triton", 1))
            return module if fromlist or "." not in name else sys.modules["cpu_triton"]
        before, inside_megatron[0] = inside_megatron[0], root in UNUSED
        try:
            return real(name, globals, locals, fromlist, level)
        finally:
            inside_megatron[0] = before

    builtins.__import__ = import_
    sys.meta_path.append(StubFinder(lambda n: inside_megatron[0] and n.split(".")[0] in UNUSED))
    sys.meta_path.insert(0, StubFinder(lambda n: n.startswith("torch.utils.tensorboard")))


class NoStream:
    """Stands for CUDA streams and events."""

    def __init__(self, *args, **named) -> None:
        pass

    def __getattr__(self, name: str):
        return lambda *args, **named: NoStream() if name == "record_event" else None

    def __enter__(self) -> "NoStream":
        return self

    def __exit__(self, *error) -> None:
        pass


def _patch_cuda() -> None:
    import torch

    cuda = torch.cuda
    answers: list[tuple[object, str, object]] = [
        (cuda, "current_device", "cpu"),
        (cuda, "synchronize", None),
        (cuda, "set_device", None),
        (cuda, "empty_cache", None),
        (cuda.nvtx, "range_push", None),
        (cuda.nvtx, "range_pop", None),
        (cuda, "get_rng_state", torch.zeros(16, dtype=torch.uint8)),
        (cuda, "stream", NoStream()),
        (cuda, "current_stream", NoStream()),
        (cuda, "default_stream", NoStream()),
    ]
    for owner, name, answer in answers:  # one function each: torch refuses two names for one
        setattr(owner, name, lambda *args, answer=answer, **named: answer)
    cuda.Stream = cuda.Event = NoStream
    torch.Tensor.cuda = lambda self, *args, **named: self
    torch.nn.Module.cuda = lambda self, *args, **named: self
    for name in ("arange", "empty", "empty_like", "full", "ones", "tensor", "zeros", "zeros_like"):

        def on_cpu(*args, make=getattr(torch, name), **named):
            if str(named.get("device", "")).startswith("cuda"):
                named["device"] = "cpu"
            return make(*args, **named)

        setattr(torch, name, on_cpu)


def _patch_gloo() -> None:
    """Bridge scatters views that are split along dim 1; gloo sent wrong data for those."""
    import torch

    scatter = torch.distributed.scatter

    def contiguous(tensor, scatter_list=None, *args, **named):
        parts = [part.contiguous() for part in scatter_list] if scatter_list else scatter_list
        return scatter(tensor, parts, *args, **named)

    torch.distributed.scatter = contiguous


def install(transformers5: bool = False) -> None:
    """transformers5: the environment's transformers instead of the 4.x that Bridge declares
    (nemotron_h needs it).
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    for path in (HERE / "standins", PEERS / "megatron"):
        if not path.is_dir():
            raise SystemExit(f"{path} is missing: run scripts/python_env.sh")
        sys.path.insert(0, str(path))
    if not transformers5:
        sys.path.insert(0, str(PEERS / "transformers4"))
    _patch_imports()
    import torch

    torch.set_num_threads(1 if os.environ["WORLD_SIZE"] != "1" else 2)
    _patch_cuda()
    _patch_gloo()
    import megatron.core.tensor_parallel.random as random

    random.CudaRNGStatesTracker.fork = lambda self, name=None: contextlib.nullcontext()


@contextlib.contextmanager
def process_group(**sizes: int) -> Iterator[None]:
    """gloo. One process: Bridge's own temporary group. Several: the given parallel sizes."""
    import torch

    if os.environ["WORLD_SIZE"] == "1":
        from megatron.bridge.training.model_load_save import temporary_distributed_context

        for name in ("MASTER_ADDR", "MASTER_PORT"):
            os.environ.pop(name, None)
        with temporary_distributed_context(backend="gloo"):
            yield
        return
    from megatron.core import parallel_state

    torch.distributed.init_process_group("gloo")
    parallel_state.initialize_model_parallel(**sizes)
    yield
    torch.distributed.barrier()
    parallel_state.destroy_model_parallel()
    torch.distributed.destroy_process_group()
