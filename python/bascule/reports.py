"""What bascule's functions return: values, filled by the C++ under the same names.

Sizes are bytes, shapes count elements, hashes are hexadecimal; dtypes have torch's names.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """What comparing one parameter of two models found."""

    EQUAL = "equal"
    """The same dtype and the same elements, bit for bit."""
    DIFFERS = "differs"
    """Other elements, another dtype or another shape."""
    ABSENT = "absent"
    """In the first, not in the second."""
    EXTRA = "extra"
    """In the second, not in the first."""


@dataclass(frozen=True)
class TensorReport:
    """One parameter of two models, or one tensor that only one of them has."""

    verdict: Verdict
    name: str
    """The parameter ("layers.0.attn.q"), or the tensor."""
    first_tensor: str
    """The stored tensor that holds it, in the first."""
    second_tensor: str
    first_dtype: str
    second_dtype: str
    shape: tuple[int, ...]
    second_shape: tuple[int, ...]
    """Only where it is another; else empty."""
    elements: int
    differing: int
    """How many elements differ."""
    first_at: tuple[int, ...]
    """The index of the first that does; else empty."""
    first_value: str
    """What the first has there."""
    second_value: str
    hash: str
    """XXH3-128 of the first's elements in canonical order."""
    sentence: str
    """The finding in words."""

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, repr=False)
class Report:
    """What comparing two models found, parameter by parameter. True when they are equal."""

    tensors: tuple[TensorReport, ...]
    notes: tuple[str, ...]
    """Facts that do not make models differ."""
    difference: str
    """How they differ beside their tensors: a setting, or the family. Empty where they do not."""
    elements: int
    """Of all parameters that both have."""
    equal: bool
    without_row: int
    """Equal parameters that are not among `tensors`: all of them in an Outcome's report."""

    def count(self, verdict: Verdict) -> int:
        """How many parameters have this verdict."""
        rows = sum(each.verdict is verdict for each in self.tensors)
        return rows + (self.without_row if verdict is Verdict.EQUAL else 0)

    def __bool__(self) -> bool:
        return self.equal

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(each)} {each.value}" for each in Verdict)
        return f"Report(equal={self.equal}, elements={self.elements:_}, tensors=<{counts}>)"


@dataclass(frozen=True)
class Step:
    """What one stretch of work took."""

    name: str
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What an import or export did, or with dry_run would do."""

    target: str
    """The directory that was written: of an import, the iteration's."""
    family: str
    parameters: int
    tensors_read: int
    tensors_written: int
    bytes_written: int
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    """What was also given to Python's warnings."""
    ignored_keys: tuple[str, ...]
    """Keys of config.json that were left out of account, as was asked."""
    verified: bool
    """Whether the result was read again and compared with the source."""
    report: Report
    """Of this comparison."""


@dataclass(frozen=True)
class SelfCheck:
    """What checking one checkpoint alone found. True when it is sound."""

    has_manifest: bool
    """Without one only the structure could be checked, not the bytes."""
    files: int
    tensors: int
    problems: tuple[str, ...]
    """One sentence each."""

    def __bool__(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a checkpoint stores it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    chunks: int
    """In how many pieces it is stored."""


@dataclass(frozen=True, repr=False)
class Inspection:
    """What a checkpoint is."""

    path: str
    """What was looked at: the iteration's directory, the snapshot of a Hub id."""
    format: str
    family: str
    """Empty where it cannot be told."""
    architecture: str
    """The class named in config.json, or the provider of run_config.yaml."""
    facts: dict[str, str]
    """The model's sizes."""
    parameters: int
    bytes: int
    files: int
    objects: int
    """What a Megatron checkpoint holds besides tensors."""
    bytes_by_dtype: dict[str, int]
    tensors: tuple[StoredTensor, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"Inspection({self.path!r}, format={self.format!r}, family={self.family!r}, "
            f"parameters={self.parameters:_}, bytes={self.bytes:_}, "
            f"tensors=<{len(self.tensors)}>)"
        )


@dataclass(frozen=True, repr=False)
class PlanListing:
    """The copies that a conversion consists of."""

    family: str
    copies: int
    elements: int
    lines: tuple[str, ...]
    """One a copy; with parallel sizes, also what each rank would hold."""
    note: str
    """Why nothing is listed, where `only` matches nothing; else empty."""

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"PlanListing({self.family!r}, copies={self.copies:_}, elements={self.elements:_})"


@dataclass(frozen=True)
class FamilyInfo:
    """A family of models, as bascule knows it."""

    name: str
    architectures: tuple[str, ...]
    """Of config.json."""
    models: str
    supported: bool
    """False: sketched, not yet offered."""
    unconfirmed: tuple[str, ...]
    """Facts that no source confirms."""


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine."""

    name: str
    memory: int | None


@dataclass(frozen=True)
class Machine:
    """What this machine has for converting and training; None where not known or not there."""

    cores: int
    cores_allowed: float
    """By affinity and control group."""
    memory: int | None
    memory_available: int | None
    memory_limit: int | None
    """The control group's."""
    disk_path: str
    disk_free: int | None
    disk_size: int | None
    file_system: str | None
    gpus: tuple[Gpu, ...]
    driver: str | None
    nccl: str | None
    """The path of the library."""
    engine: str | None
    """The path of bascule-engine."""


@dataclass(frozen=True)
class Dataset:
    """An indexed dataset, PREFIX.bin and PREFIX.idx."""

    prefix: str
    dtype: str
    """Of a token: "uint16" or "int32"."""
    documents: int
    sequences: int
    tokens: int
    bytes: int
    """Of both files."""
    multimodal: bool


@dataclass(frozen=True)
class Tokenizing:
    """What `bascule.data.tokenize` was told, defaults filled in."""

    json_keys: tuple[str, ...]
    sample_by: str
    append_eod: bool
    add_special_tokens: bool
    chat_template: bool
    eod_id: int | None
    """None: the tokenizer's eos_token."""
    skip_bad_rows: bool
    overwrite: bool
    workers: int
    """0: one for each core."""


@dataclass(frozen=True)
class Tokenized:
    """What `bascule.data.tokenize` made."""

    datasets: tuple[Dataset, ...]
    """One for each key, in their order."""
    skipped_rows: int
    """Rows left out because of skip_bad_rows."""
