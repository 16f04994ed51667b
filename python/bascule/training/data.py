"""Datasets of the user's, as micro-batches."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from bascule.errors import UserError
from bascule.training.random_states import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from torch import Tensor

SPLITS = ("train", "valid", "test")


class Datasets:
    """One source of micro-batches for each split that has data.

    Args:
        given: a dataset of training data, or a dict with some of "train", "valid" and "test".
        collate: makes a micro-batch of a list of samples; None: as torch's DataLoader does.
        workers: processes that read samples.
        say: told what is left out of an iterable.
    """

    def __init__(
        self,
        given: Any,
        collate: Callable[[list[Any]], Any] | None,
        workers: int,
        say: Callable[[str], None],
    ) -> None:
        by_split = given if isinstance(given, dict) else {"train": given}
        unknown = sorted(set(by_split) - set(SPLITS))
        if unknown:
            raise UserError(f"dataset has {unknown}; there are {list(SPLITS)}")
        self._sources = {
            split: Source(split, dataset, collate, workers, say)
            for split, dataset in by_split.items()
            if dataset is not None
        }

    def seed(self, seed: int) -> None:
        """Says what iterables draw their random numbers from."""
        for split, source in self._sources.items():
            # Unlike the model's, which may draw as many of the same kind.
            source.stream = Stream(seed + 1 + SPLITS.index(split))

    def has(self, split: str) -> bool:
        """Whether there are data of a kind."""
        return split in self._sources

    def next(self, split: str, sample: int, sequences: int) -> Any:
        """The micro-batch of `sequences` that begins with sample `sample`."""
        return self._sources[split].next(sample, sequences)

    def close(self) -> None:
        """Ends processes that read samples."""
        self._sources = {}


class Source:
    """A dataset of one split.

    One with lengths and indices is read in the order of its samples; validation and test data begin
    again after their end. An `IterableDataset` gives samples, any other iterable micro-batches:
    what a run that goes on has consumed is read and left out. What these draw from the random
    generators is the same from their beginning on, whatever the model draws in between.

    Attributes:
        stream: what an iterable draws from.
    """

    def __init__(
        self,
        split: str,
        dataset: Any,
        collate: Callable[[list[Any]], Any] | None,
        workers: int,
        say: Callable[[str], None],
    ) -> None:
        self._split = split
        self._dataset = dataset
        self._collate = collate
        self._workers = workers
        self._say = say
        self.stream = Stream(0)
        self._iterator: Iterator[Any] | None = None
        self._at = 0

    def next(self, sample: int, sequences: int) -> Any:
        """See Datasets.next()."""
        if self._iterator is None or (self._indexed and sample != self._at):
            self._iterator = self._begin(sample, sequences)
            self._at = sample
        try:
            batch = next(self._iterator)
        except StopIteration:
            raise UserError(
                f"the {self._split} dataset ended after {self._at} samples, and the run needs more:"
                " lower train.train_iters, or give a dataset that repeats itself"
            ) from None
        self._at += sequences
        return batch

    @property
    def _indexed(self) -> bool:
        return hasattr(self._dataset, "__getitem__") and hasattr(self._dataset, "__len__")

    def _begin(self, sample: int, sequences: int) -> Iterator[Any]:
        from torch import Generator
        from torch.utils.data import DataLoader, IterableDataset

        common: dict[str, Any] = {
            "num_workers": self._workers,
            "collate_fn": self._collate,
            "generator": Generator(),  # the run's own generators are left alone
        }
        if self._indexed and not isinstance(self._dataset, DataLoader):
            batches = self._batches(sample, sequences)
            return iter(DataLoader(self._dataset, batch_sampler=batches, **common))
        skipped = sample // sequences
        if skipped:
            self._say(
                f"the {self._split} dataset is read from its beginning; {skipped} micro-batches "
                "that were consumed are left out"
            )
        if isinstance(self._dataset, IterableDataset):
            loader = DataLoader(self._dataset, batch_size=sequences, drop_last=True, **common)
            return self._drawn(loader, skipped)
        if self._collate is not None or self._workers:
            raise UserError(
                "collate_fn and num_workers are for datasets of samples; "
                f"a {type(self._dataset).__name__} gives whole micro-batches"
            )
        return self._drawn(self._dataset, skipped)

    def _drawn(self, batches: Iterable[Any], skipped: int) -> Iterator[Any]:
        """All but the first `skipped`, each made with the generators of the stream."""
        with self.stream:
            left = itertools.islice(iter(batches), skipped, None)
        while True:
            with self.stream:
                try:
                    batch = next(left)
                except StopIteration:
                    return
            yield batch

    def _batches(self, sample: int, sequences: int) -> Iterator[list[int]]:
        """Indices of micro-batches, from `sample` on; the last, short one is left out."""
        count = len(self._dataset)
        if self._split == "train":
            for at in range(sample, count - sequences + 1, sequences):
                yield list(range(at, at + sequences))
        elif count:
            for at in itertools.count(sample, sequences):
                yield [index % count for index in range(at, at + sequences)]


def engine_rows(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Tokens, labels, loss_mask and position_ids of a micro-batch that the engine computes."""
    import torch

    missing = [name for name in ("tokens", "labels") if name not in batch]
    if missing:
        raise UserError(
            f"a sample of the dataset has no {' and no '.join(missing)}; the stock forward_step "
            "takes dicts with tokens, labels and, optionally, loss_mask and position_ids"
        )
    if batch.get("attention_mask") is not None:
        raise UserError(
            "a sample of the dataset has an attention_mask; the stock forward_step has its own, by "
            "which each token sees those before it: leave it out, or weigh padding with loss_mask"
        )
    mask = batch.get("loss_mask")
    if mask is None:
        mask = torch.ones_like(batch["labels"], dtype=torch.float32)
    return batch["tokens"], batch["labels"], mask, batch.get("position_ids")
