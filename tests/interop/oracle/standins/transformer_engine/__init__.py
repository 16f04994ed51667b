"""A stand-in for Transformer Engine in plain torch, for Megatron-Core's own wrapper classes to
subclass.

Names, order and shapes of parameters and the empty `_extra_state` follow Transformer Engine 2.x
without FP8: read in its source, not compared with a checkpoint of a GPU run.
"""

__version__ = "2.10.0"

from . import absent, pytorch  # noqa: E402, F401

absent.install()
