"""Megatron Bridge's names that bascule has; others are errors that say so."""

from megatron.bridge import _names

_names.refuse_beside_the_real_one()
_names.take_over(__name__)
