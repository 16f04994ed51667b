"""Only base.py: what all modules share."""

from . import base  # noqa: F401
