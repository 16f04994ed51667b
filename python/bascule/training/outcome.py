"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainOutcome:
    """What `bascule.pretrain` returns.

    Attributes:
        step: the last step that was done.
        steps: of so many.
        consumed_samples: sequences that were trained on.
        loss: of the last step; None: none was done.
        begun: where the run started from, a sentence.
        saved: the last checkpoint that was written, the iteration's directory.
        stopped: why it stopped before its end; None: it did not.
        finished: whether there was nothing to do, as an earlier run had done all.
    """

    step: int
    steps: int
    consumed_samples: int
    loss: float | None
    begun: str
    saved: str | None
    stopped: str | None
    finished: bool
