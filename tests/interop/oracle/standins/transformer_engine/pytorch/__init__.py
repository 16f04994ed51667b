"""The modules that hold parameters."""

from . import module  # noqa: F401
from .attention import DotProductAttention  # noqa: F401
from .linear import GroupedLinear, LayerNormLinear, Linear  # noqa: F401
from .norm import LayerNorm, RMSNorm  # noqa: F401
