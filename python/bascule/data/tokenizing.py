"""Files of texts to indexed datasets."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from bascule import _core
from bascule.data import chat, inputs
from bascule.data.needs import package
from bascule.data.tokenizer import Tokenizer
from bascule.data.workers import Blocks, Workers
from bascule.errors import FormatError
from bascule.progress import Given, Warned, listener
from bascule.reports import Tokenized, Tokenizing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bascule.data.encoder import BadRows

RECORD_SECONDS = 5.0  # between two records of what is done


def tokenize(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    tokenizer: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    json_keys: Sequence[str] = (),
    sample_by: str | None = None,
    append_eod: bool = False,
    eod_id: int | None = None,
    add_special_tokens: bool = False,
    chat_template: bool = False,
    skip_bad_rows: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Given = None,
) -> Tokenized:
    """Tokenizes files into an indexed dataset, OUTPUT.bin and OUTPUT.idx.

    They are the bytes that megatron-core's IndexedDatasetBuilder writes for the same tokens, in the
    order of the inputs, whatever the number of workers. A call that was stopped or killed goes on
    where it was when it is made again. Keywords are the options of `bascule data tokenize`; None
    is the command line's default.

    Args:
        inputs: a file, or several, named .jsonl, .json (an object a line), .parquet or .txt; those
            of text also with .gz or .zst behind.
        tokenizer: a directory with tokenizer.json, or the id of a model in the local Hub cache.
        output: the dataset's prefix; with several keys PREFIX_KEY_document is made for each.
        json_keys: keys of a row whose value is a text, or a list of texts, each a sequence;
            ("text",) where there is none.
        sample_by: what of a .txt file is a document: "line", "paragraph" or "document".
        append_eod: end each document that is not empty with the tokenizer's eos_token.
        eod_id: another token for that.
        add_special_tokens: add what the tokenizer adds around a text, such as a bos_token.
        chat_template: rows hold messages (and tools), which the tokenizer's chat template renders.
        skip_bad_rows: leave out rows that cannot be used, and count them.
        overwrite: replace a dataset that exists, once the new one is complete.
        workers: how many processes tokenize; one for each core where it is None.
        progress: see `bascule.import_checkpoint`; bytes are those of the inputs.

    Raises:
        bascule.Error: a subclass by whose fault it is, see `bascule.errors`.
        KeyboardInterrupt: Ctrl-C; what is done is kept, and nothing has the dataset's name.
    """
    told = _core.tokenizing(
        {
            "json_key": json_keys,
            "sample_by": sample_by,
            "append_eod": append_eod,
            "eod_id": eod_id,
            "add_special_tokens": add_special_tokens,
            "chat_template": chat_template,
            "skip_bad_rows": skip_bad_rows,
            "overwrite": overwrite,
            "workers": workers,
        }
    )
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    line = _core.ProgressLine() if progress is True else None
    shown = listener(progress if line is None else line)
    run = _Run(told, [os.fspath(each) for each in paths], tokenizer, output, shown)
    try:
        run.go()
        skipped = run.skipped_warning()
        shown.warn_of_the_rest((skipped,) if skipped else ())
        return Tokenized(run.build.finish(), run.skipped)
    finally:
        del run.build  # an exception may live on, and with it the lock
        if line is not None:
            line.finish()


class _Run:
    """One call of tokenize()."""

    def __init__(
        self,
        told: Tokenizing,
        paths: list[str],
        tokenizer: str | os.PathLike[str],
        output: str | os.PathLike[str],
        shown: Warned,
    ) -> None:
        self._told, self._shown = told, shown
        self._tokenizer = Tokenizer(_core.tokenizer_directory(tokenizer))
        self._end = self._tokenizer.end_of_document(told.eod_id) if told.append_eod else None
        if told.chat_template:
            package("jinja2", "a chat template")
            chat.sources(self._tokenizer.directory, self._tokenizer.config)
        self._inputs = inputs.inputs_of(paths, told.sample_by)
        self.build = _core.DatasetBuild(
            output,
            prefixes_of(os.fspath(output), told.json_keys),
            self._tokenizer.vocabulary,
            self._made_of(),
            told.overwrite,
        )
        # What is recorded: a place, and what rows so far came to.
        self._place = inputs.Place()
        self.skipped, self._first_skipped = 0, ""
        self._now = datetime.now().replace(microsecond=0).isoformat()

    def _made_of(self) -> str:
        """What the dataset depends on, but the number of workers."""
        told = self._told
        return json.dumps(
            {
                "inputs": [vars(each) for each in self._inputs],
                "tokenizer": self._tokenizer.digest(),
                "tokenizers": package("tokenizers", "tokenizing").__version__,
                "keys": told.json_keys,
                "end": self._end,
                "special": told.add_special_tokens,
                "chat": told.chat_template,
                "skip": told.skip_bad_rows,
            },
            sort_keys=True,
        )

    def _take_up(self) -> None:
        for notice in self.build.notices:
            self._shown.note(notice)
        if not self.build.position:
            return
        position = json.loads(self.build.position)
        self._place = inputs.Place(*position["place"])
        self.skipped, self._first_skipped = position["skipped"], position["first_skipped"]
        self._now = position["now"]
        where = self._inputs[min(self._place.input, len(self._inputs) - 1)].path
        self._shown.note(f"resuming {where} at line {self._place.line}")

    def _record(self) -> None:
        place = self._place
        position = {
            "place": [place.input, place.at, place.line],
            "skipped": self.skipped,
            "first_skipped": self._first_skipped,
            "now": self._now,
        }
        self.build.record(json.dumps(position))

    def _settings(self) -> dict[str, Any]:
        """What workers are told."""
        told = self._told
        return {
            "tokenizer": str(self._tokenizer.directory),
            "json_keys": told.json_keys,
            "add_special_tokens": told.add_special_tokens,
            "chat_template": told.chat_template,
            "skip_bad_rows": told.skip_bad_rows,
            "end": self._end,
            "now": self._now,
        }

    def go(self) -> None:
        """Adds all documents."""
        self._take_up()
        if self.build.complete:
            return
        before = list(accumulate((each.size for each in self._inputs), initial=0))
        self._shown.phase("tokenizing", before[-1])
        done = before[self._place.input]
        self._shown.advance(done)
        self._record()  # so that what follows from the time of the beginning is kept
        recorded = time.monotonic()
        count = self._told.workers or len(os.sched_getaffinity(0))
        with Workers(count, self._settings()) as workers:
            pieces = inputs.pieces(self._inputs, self._told.json_keys, self._place)
            for piece, bad, blocks in workers.answers(pieces):
                self._take(piece, bad, blocks)
                now = before[piece.after.input] + piece.read
                self._shown.advance(max(now - done, 0))
                done = max(now, done)
                if time.monotonic() - recorded >= RECORD_SECONDS:
                    self._record()
                    recorded = time.monotonic()
        self._shown.advance(before[-1] - done)

    def _take(self, piece: inputs.Piece, bad: BadRows, blocks: Blocks) -> None:
        if bad.count:
            self._leave_out(piece, bad)
        for key in range(len(self._told.json_keys)):
            self.build.add(key, *blocks[3 * key : 3 * key + 3])
        self._place = piece.after

    def _leave_out(self, piece: inputs.Piece, bad: BadRows) -> None:
        word = "row" if piece.input.kind == "parquet" else "line"
        what = f"{piece.input.path}: {word} {bad.first} cannot be used: {bad.why}"
        if not self._told.skip_bad_rows:
            raise FormatError(f"{what}; --skip-bad-rows leaves such rows out")
        self._first_skipped = self._first_skipped or what
        self.skipped += bad.count

    def skipped_warning(self) -> str:
        """Empty where nothing was left out."""
        if not self.skipped:
            return ""
        rows = "1 row was" if self.skipped == 1 else f"{self.skipped} rows were"
        return f"{rows} left out; the first: {self._first_skipped}"


def prefixes_of(output: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The dataset of each key: Megatron's names where there are several."""
    return (output,) if len(keys) == 1 else tuple(f"{output}_{key}_document" for key in keys)
