"""Training from Python, on the engine's loop: `bascule.pretrain`, and what takes part in it.

Names and meanings are those of `megatron.bridge.training`. Nothing here needs torch before a run.
"""

from bascule.training.callbacks import Callback, CallbackContext, CallbackManager
from bascule.training.outcome import TrainOutcome

__all__ = ["Callback", "CallbackContext", "CallbackManager", "TrainOutcome"]
