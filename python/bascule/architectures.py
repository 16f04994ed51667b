"""Which architectures of `config.json` the families know."""

from __future__ import annotations

from functools import partial
from typing import Any

from bascule.errors import UnsupportedError
from bascule.reading import models


def supported() -> list[str]:
    """Those that can be converted, sorted."""
    return sorted(name for family in models() if family.supported for name in family.architectures)


def known(config: Any) -> bool:  # noqa: ANN401  transformers' object, or a dict
    """Whether one that a configuration names is known."""
    get = config.get if isinstance(config, dict) else partial(getattr, config)
    return any(name in supported() for name in get("architectures", None) or [])


def unknown(name: str, config: dict[str, Any]) -> UnsupportedError:
    """What to say of a model of which none is."""
    return UnsupportedError(
        f"{name} is a {' or '.join(config.get('architectures') or ['model'])}, which no family "
        "knows; AutoBridge.list_supported_models() has those that are known"
    )
