"""Converts model checkpoints between Hugging Face and Megatron Core, exactly.

    import bascule
    outcome = bascule.import_checkpoint("Llama-3.2-1B", "checkpoints/llama", progress=True)
    assert bascule.verify("Llama-3.2-1B", "checkpoints/llama")

The work is done by compiled code that needs neither torch nor numpy; long calls run without the
interpreter's lock, may be made from several threads, and stop at Ctrl-C.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bascule import _core
from bascule.auto_bridge import AutoBridge
from bascule.config import ConfigContainer
from bascule.conversion import export_checkpoint, import_checkpoint
from bascule.errors import (
    ConversionWarning,
    Error,
    FormatError,
    InternalError,
    MismatchError,
    RefusedSettingError,
    ResourceError,
    StoppedError,
    UnknownSettingError,
    UnsupportedError,
    UserError,
)
from bascule.progress import Progress
from bascule.reading import doctor, inspect, models, plan, verify
from bascule.reports import (
    FamilyInfo,
    Gpu,
    Inspection,
    Machine,
    Outcome,
    PlanListing,
    Report,
    SelfCheck,
    Step,
    StoredTensor,
    TensorReport,
    Verdict,
)

if TYPE_CHECKING:
    from bascule.training.not_yet import distill, finetune
    from bascule.training.pretrain import pretrain

# What training takes is imported by who asks for it.
_LATER = {
    "distill": "bascule.training.not_yet",
    "finetune": "bascule.training.not_yet",
    "pretrain": "bascule.training.pretrain",
}

__version__: str = _core.version

__all__ = [
    "AutoBridge",
    "ConfigContainer",
    "ConversionWarning",
    "Error",
    "FamilyInfo",
    "FormatError",
    "Gpu",
    "Inspection",
    "InternalError",
    "Machine",
    "MismatchError",
    "Outcome",
    "PlanListing",
    "Progress",
    "RefusedSettingError",
    "Report",
    "ResourceError",
    "SelfCheck",
    "Step",
    "StoppedError",
    "StoredTensor",
    "TensorReport",
    "UnknownSettingError",
    "UnsupportedError",
    "UserError",
    "Verdict",
    "__version__",
    "distill",
    "doctor",
    "export_checkpoint",
    "finetune",
    "import_checkpoint",
    "inspect",
    "models",
    "plan",
    "pretrain",
    "verify",
]


def __getattr__(name: str) -> object:
    if name in ("data", "recipes", "training"):
        return import_module(f"bascule.{name}")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'bascule' has no attribute {name!r}")
