"""Rows of parquet files, some columns of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bascule.data.needs import package
from bascule.errors import FormatError, MismatchError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 512  # read at once


@dataclass(frozen=True)
class Rows:
    """A stretch of rows, as a stream of Arrow."""

    first: int
    """Rows before it."""
    after: int
    """Rows up to its end."""
    total: int
    """Rows of the file."""
    body: bytes


def pieces(path: str, keys: tuple[str, ...], begin: int) -> Iterator[Rows]:
    """The rows of a file from number `begin` on, from 0.

    Raises:
        bascule.FormatError: it is no parquet file.
        bascule.MismatchError: it lacks one of the columns.
    """
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            _require_columns(path, keys, file.schema_arrow.names)
            total = file.metadata.num_rows
            first = 0
            for group in range(file.metadata.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if first + count > begin:
                    wanted = [key for key in file.schema_arrow.names if key in {*keys, "tools"}]
                    for batch in file.iter_batches(ROWS, row_groups=[group], columns=wanted):
                        skipped = min(max(begin - first, 0), batch.num_rows)
                        if skipped < batch.num_rows:
                            body = _stream(arrow, batch.slice(skipped))
                            yield Rows(first + skipped, first + batch.num_rows, total, body)
                        first += batch.num_rows
                else:
                    first += count
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, arrow.ArrowException) as error:
        raise FormatError(f"{path} is no parquet file that pyarrow reads: {error}") from error


def rows(body: bytes) -> list[dict[str, object]]:
    """The rows of a stretch."""
    arrow, _ = _arrow()
    found: list[dict[str, object]] = arrow.ipc.open_stream(body).read_all().to_pylist()
    return found


def _arrow() -> tuple[Any, Any]:
    purpose = "reading parquet files"
    package("pyarrow.ipc", purpose)
    return package("pyarrow", purpose), package("pyarrow.parquet", purpose)


def _require_columns(path: str, keys: tuple[str, ...], names: list[str]) -> None:
    for key in keys:
        if key not in names:
            raise MismatchError(
                f"{path} has no column {key}, but {', '.join(names)}; name one with --json-key"
            )


def _stream(arrow: Any, batch: Any) -> bytes:  # noqa: ANN401  pyarrow's
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body
