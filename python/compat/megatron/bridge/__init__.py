"""Megatron Bridge's names that bascule has; others are errors that say so."""

from typing import TYPE_CHECKING

from megatron.bridge import _names

_names.refuse_beside_the_real_one()
_names.take_over(__name__)

if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...  # noqa: ANN401
