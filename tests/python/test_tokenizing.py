"""Texts to indexed datasets: bytes, order, bad rows. tests/engine/python/test_tokenizing.py has
Megatron's own builder to compare with.
"""

from __future__ import annotations

import gzip
import json
import shutil
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import tokenizers
import zstandard

import bascule
import bascule.data
from bascule.data import lines
from conftest import GOLDEN, command_line, contents

TOKENIZER = GOLDEN / "llama" / "hf"
END = 257
ROWS = [
    {"text": "", "id": 0},
    *({"text": f"the quick brown fox {n} " * (n % 7), "id": n} for n in range(400)),
    {"text": "ünïcode \u2028 line\nand more\r\n", "id": 401},
    {"text": "the last, without a line's end", "id": 402},
]


def ids(text: str, special: bool = False) -> list[int]:
    tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
    found: list[int] = tokenizer.encode(text, add_special_tokens=special).ids
    return found


def written(documents: list[list[list[int]]]) -> dict[str, bytes]:
    """The two files of documents of sequences, as docs/formats/indexed_dataset.md has them."""
    sequences = [sequence for document in documents for sequence in document]
    ends = [0]
    for document in documents:
        ends.append(ends[-1] + len(document))
    lengths = [len(sequence) for sequence in sequences]
    starts = [2 * sum(lengths[:at]) for at in range(len(lengths))]
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 8, len(sequences), len(ends))
    tables = array("i", lengths).tobytes() + array("q", starts).tobytes()
    return {
        ".bin": array("H", [token for sequence in sequences for token in sequence]).tobytes(),
        ".idx": header + tables + array("q", ends).tobytes(),
    }


def made(prefix: str | Path) -> dict[str, bytes]:
    return {end: Path(f"{prefix}{end}").read_bytes() for end in (".bin", ".idx")}


def documents_of(texts: list[str]) -> list[list[list[int]]]:
    """One sequence each, ended; none for an empty text."""
    return [[[*ids(text), END]] if text else [] for text in texts]


def json_lines(rows: list[dict[str, object]]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(json_lines(ROWS))
    return path


@pytest.fixture
def expected() -> dict[str, bytes]:
    return written(documents_of([str(row["text"]) for row in ROWS]))


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE", 1000)
    monkeypatch.setattr(bascule.data.columns, "ROWS", 7)


@pytest.mark.usefixtures("_small_pieces")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", ["p.jsonl", "p.json", "p.jsonl.gz", "p.json.zst", "p.parquet"])
def test_every_format_gives_the_same_bytes(
    name: str, workers: int, pages: Path, expected: dict[str, bytes]
) -> None:
    text = pages.read_bytes()
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(text[:5000]) + gzip.compress(text[5000:]))
    elif name.endswith(".zst"):
        frames = [zstandard.compress(part) for part in (text[:5000], text[5000:])]
        Path(name).write_bytes(b"".join(frames))
    elif name.endswith(".parquet"):
        table = pyarrow.Table.from_pylist(ROWS)
        pyarrow.parquet.write_table(table, name, row_group_size=100)
    else:
        Path(name).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\n \r\n"))
    outcome = bascule.data.tokenize(name, TOKENIZER, "out", append_eod=True, workers=workers)
    assert made("out") == expected
    dataset = bascule.data.Dataset(
        prefix="out",
        dtype="uint16",
        documents=len(ROWS),
        sequences=len(ROWS) - 1 - len(range(0, 400, 7)),
        tokens=len(expected[".bin"]) // 2,
        bytes=sum(map(len, expected.values())),
        multimodal=False,
    )
    assert outcome == bascule.data.Tokenized((dataset,), 0)
    assert sorted(path.name for path in Path().glob("*out*")) == ["out.bin", "out.idx"]


TEXT = "one\r\ntwo  \n\n \t\nthree\nfour\n\nfive"


@pytest.mark.parametrize("size", [1, 4, 1 << 20])
@pytest.mark.parametrize(
    ("sample_by", "documents"),
    [
        ("line", ["one", "two  ", "three", "four", "five"]),
        ("paragraph", ["one\ntwo  ", "three\nfour", "five"]),
        ("document", [TEXT]),
    ],
)
def test_texts(
    sample_by: str, documents: list[str], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PIECE", size)
    Path("a.txt").write_bytes(TEXT.encode())
    Path("empty.txt").write_bytes(b" \n\n")
    bascule.data.tokenize(
        ["a.txt", "empty.txt", "a.txt"], TOKENIZER, "out", append_eod=True, sample_by=sample_by
    )
    assert made("out") == written(documents_of(documents * 2))


def test_keys_and_lists_of_texts() -> None:
    rows: list[dict[str, object]] = [
        {"title": "a", "parts": ["one", "", "two"]},
        {"title": "", "parts": []},
    ]
    Path("a.jsonl").write_bytes(json_lines(rows))
    outcome = bascule.data.tokenize("a.jsonl", TOKENIZER, "out", json_keys=("title", "parts"))
    assert [each.prefix for each in outcome.datasets] == [
        "out_title_document",
        "out_parts_document",
    ]
    assert made("out_title_document") == written([[ids("a")], []])
    assert made("out_parts_document") == written([[ids("one"), ids("two")], []])


def test_the_settings_of_tokens(tmp_path: Path) -> None:
    """Special tokens, another end, and a tokenizer that was saved with truncation and padding."""
    folder = Path(shutil.copytree(TOKENIZER, tmp_path / "cut"))
    tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZER / "tokenizer.json"))
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=5)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 256)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    Path("a.jsonl").write_bytes(json_lines([{"text": "a longer text"}]))
    bascule.data.tokenize("a.jsonl", folder, "plain", append_eod=True, eod_id=5)
    assert made("plain") == written([[[*ids("a longer text"), 5]]])
    bascule.data.tokenize("a.jsonl", folder, "special", add_special_tokens=True)
    assert made("special") == written([[[256, *ids("a longer text")]]])


def test_a_large_vocabulary_is_int32(tmp_path: Path) -> None:
    for tokens, dtype in ((65499, "uint16"), (65500, "int32")):
        model = tokenizers.models.WordLevel({str(n): n for n in range(tokens)}, unk_token="0")
        tokenizer = tokenizers.Tokenizer(model)
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        folder = tmp_path / str(tokens)
        folder.mkdir()
        tokenizer.save(str(folder / "tokenizer.json"))
        Path("a.txt").write_text(f"7 {tokens - 1}")
        (dataset,) = bascule.data.tokenize("a.txt", folder, f"out{tokens}").datasets
        assert (dataset.dtype, dataset.tokens) == (dtype, 2)
        last = Path(f"out{tokens}.bin").read_bytes()[dataset.tokens * 2 if tokens > 65499 else 2 :]
        assert int.from_bytes(last, "little") == tokens - 1


def test_a_token_that_the_type_cannot_hold(tmp_path: Path) -> None:
    model = tokenizers.models.WordLevel({"a": 0, "b": 70000}, unk_token="a")
    (tmp_path / "holes").mkdir()
    tokenizers.Tokenizer(model).save(str(tmp_path / "holes" / "tokenizer.json"))
    Path("a.txt").write_text("b")
    with pytest.raises(bascule.MismatchError, match="token 70000, which uint16 cannot hold"):
        bascule.data.tokenize("a.txt", tmp_path / "holes", "out")
    assert not Path("out.bin").exists()


BAD_ROWS = [
    (b'{"text": "a"', "line 2 cannot be used: it is no JSON"),
    (b'{"text": "\xff"}', "line 2 cannot be used: it is no JSON: 'utf-8' codec"),
    (b'{"text": "\\ud800"}', "line 2 cannot be used: its text is not UTF-8, or half of a"),
    (b'{"content": "a"}', "line 2 cannot be used: it has no key 'text', but content; name one"),
    (b'{"text": 5}', "line 2 cannot be used: its 'text' is neither a text nor a list"),
    (b'{"text": ["a", null]}', "line 2 cannot be used: its 'text' is neither a text nor"),
    (b'"text"', "line 2 cannot be used: it is no JSON object"),
    (b"[" * 100_000, "line 2 cannot be used: it is an array where one object a line is expected"),
    (b'{"text": ' + b"1" * 5000 + b"}", "line 2 cannot be used: it is no JSON: Exceeds the limit"),
]


@pytest.mark.parametrize(("row", "said"), BAD_ROWS)
def test_bad_rows(row: bytes, said: str) -> None:
    good = b'{"text": "good"}\n'
    Path("a.jsonl").write_bytes(good + row + b"\n" + good)
    with pytest.raises(bascule.FormatError) as raised:
        bascule.data.tokenize("a.jsonl", TOKENIZER, "out")
    assert f"a.jsonl: {said}" in str(raised.value)
    assert str(raised.value).endswith("; --skip-bad-rows leaves such rows out")
    assert not Path("out.bin").exists()
    with pytest.warns(bascule.ConversionWarning, match="1 row was left out; the first: a.jsonl"):
        outcome = bascule.data.tokenize("a.jsonl", TOKENIZER, "out", skip_bad_rows=True)
    assert outcome.skipped_rows == 1
    assert made("out") == written([[ids("good")]] * 2)


def test_bad_text() -> None:
    Path("a.txt").write_bytes(b"good\n\xff\n\xfe\ngood\n")
    with pytest.raises(bascule.FormatError, match=r"a\.txt: line 2 cannot be used: its text is no"):
        bascule.data.tokenize("a.txt", TOKENIZER, "out")
    outcome = bascule.data.tokenize("a.txt", TOKENIZER, "out", skip_bad_rows=True)
    assert outcome.skipped_rows == 2
    assert made("out") == written([[ids("good")]] * 2)


def bad_files() -> Iterator[tuple[str, bytes | None, type[bascule.Error], str]]:
    array_of_rows = json.dumps(ROWS, indent=1).encode()
    parquet = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"other": ["a"]}), parquet)
    yield "a.jsonl", None, bascule.ResourceError, "cannot open a.jsonl: No such file"
    yield "a.csv", b"", bascule.UserError, "a.csv does not say what it holds"
    yield "a.parquet.gz", b"", bascule.UserError, "does not say what it holds"
    yield "a.json", array_of_rows, bascule.FormatError, "line 1 cannot be used: it is an array"
    yield "a.jsonl", b" " * 5000, bascule.FormatError, "the row that begins in line 1 is longer"
    yield "a.jsonl.gz", b"no gzip", bascule.FormatError, "a.jsonl.gz is no whole .gz file"
    whole = gzip.compress(json_lines(ROWS))
    yield "a.jsonl.gz", whole[:-9], bascule.FormatError, "a.jsonl.gz is no whole .gz file"
    damaged = whole[:200] + b"\0\0\0\0" + whole[204:]
    yield "a.jsonl.gz", damaged, bascule.FormatError, "a.jsonl.gz is no whole .gz file"
    yield "a.jsonl.zst", b"no zstd", bascule.FormatError, "a.jsonl.zst is no whole .zst file"
    yield "a.parquet", b"PAR1 is not it", bascule.FormatError, "a.parquet is no parquet file"
    other = parquet.getvalue().to_pybytes()
    yield "a.parquet", other, bascule.MismatchError, "a.parquet has no column text, but other"


@pytest.mark.parametrize(("name", "content", "error", "said"), list(bad_files()))
def test_bad_files(
    name: str,
    content: bytes | None,
    error: type[bascule.Error],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 4000)
    monkeypatch.setattr(lines, "PIECE", 1000)
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(error) as raised:
        bascule.data.tokenize(name, TOKENIZER, "out", workers=1)
    assert said in str(raised.value)
    assert not Path("out.bin").exists()


def test_a_truncated_zst_is_noticed() -> None:
    Path("a.jsonl.zst").write_bytes(zstandard.compress(json_lines(ROWS))[:-9])
    with pytest.raises(bascule.FormatError, match=r"a.jsonl.zst is no whole \.zst file"):
        bascule.data.tokenize("a.jsonl.zst", TOKENIZER, "out")


def test_places_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for given, said in (([], "there is no input"), (["folder.jsonl"], "is a directory; name")):
        with pytest.raises(bascule.UserError, match=said):
            bascule.data.tokenize(given, TOKENIZER, "out")


def tokenizer_files() -> Iterator[tuple[dict[str, str | None], type[bascule.Error], str]]:
    config = {"added_tokens_decoder": {"258": {"content": "<other>"}}}
    no_end: dict[str, str | None] = {
        "tokenizer_config.json": "{}",
        "special_tokens_map.json": "{}",
        "config.json": "{}",
    }
    yield {"tokenizer.json": "{}"}, bascule.FormatError, "tokenizer.json is no tokenizer"
    yield {"tokenizer.json": None}, bascule.UserError, "has no tokenizer.json: --tokenizer takes"
    only_model: dict[str, str | None] = {"tokenizer.json": None, "tokenizer.model": ""}
    yield only_model, bascule.UserError, "has tokenizer.model, but no tokenizer.json, which is read"
    yield {"tokenizer_config.json": "["}, bascule.FormatError, "tokenizer_config.json is no JSON"
    changed: dict[str, str | None] = {"tokenizer_config.json": json.dumps(config)}
    yield changed, bascule.FormatError, "has '<other>' as token 258, and tokenizer.json has not"
    yield no_end, bascule.UserError, "does not say which token ends a document"


@pytest.mark.parametrize(("files", "error", "said"), list(tokenizer_files()))
def test_bad_tokenizers(
    files: dict[str, str | None], error: type[bascule.Error], said: str, tmp_path: Path, pages: Path
) -> None:
    folder = Path(shutil.copytree(TOKENIZER, tmp_path / "other"))
    for name, text in files.items():
        (folder / name).unlink(missing_ok=True)
        if text is not None:
            (folder / name).write_text(text)
    with pytest.raises(error) as raised:
        bascule.data.tokenize(pages, folder, "out", append_eod=True)
    assert said in str(raised.value)


def test_options_that_do_not_go_together(pages: Path) -> None:
    for keywords, said in (
        ({"eod_id": 3}, "--eod-id goes with --append-eod"),
        ({"chat_template": True, "add_special_tokens": True}, "--add-special-tokens does not go"),
        ({"chat_template": True, "json_keys": ["a", "b"]}, "takes one --json-key, not 2"),
        ({"json_keys": ["a", "a"]}, '--json-key "a" is empty or given twice'),
        ({"sample_by": "word"}, "sample_by takes one of line, paragraph, document, not"),
        ({"workers": 0}, "workers takes a number from 1 to"),
        ({"append_eod": True, "eod_id": 9999}, "has no token 9999"),
    ):
        with pytest.raises(bascule.UserError) as raised:
            bascule.data.tokenize(pages, TOKENIZER, "out", **keywords)
        assert said in str(raised.value)


def test_a_dataset_that_exists_is_kept(pages: Path, tmp_path: Path) -> None:
    Path("out.idx").write_bytes(b"mine")
    before = contents(tmp_path)
    with pytest.raises(bascule.UserError, match=r"out\.idx exists; overwrite=True replaces it"):
        bascule.data.tokenize(pages, TOKENIZER, "out")
    assert contents(tmp_path) == before
    bascule.data.tokenize(pages, TOKENIZER, "out", overwrite=True)
    assert bascule.data.tokenize(pages, TOKENIZER, "again").datasets[0].documents == len(ROWS)
    assert made("out") == made("again")


@pytest.mark.usefixtures("_small_pieces")
def test_progress(pages: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int]] = []
    bascule.data.tokenize([pages, pages], TOKENIZER, "out", progress=lambda *at: told.append(at))
    size = 2 * pages.stat().st_size
    assert told[0] == ("tokenizing", 0, size)
    assert told[-1] == ("tokenizing", size, size)
    assert len(told) > 20
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert capfd.readouterr().err == ""
    bascule.data.tokenize(pages, TOKENIZER, "line", progress=True)
    assert "tokenizing" in capfd.readouterr().err


def test_options_are_those_of_the_command_line(tmp_path: Path) -> None:
    import inspect
    import re

    shown = command_line("data", "--help", folder=tmp_path).stdout
    told = re.findall(r"^ +--([a-z-]+)(?: [A-Z]+)?\s+(?:merge, )?tokenize:", shown, re.MULTILINE)
    options = {name.replace("-", "_") for name in told}
    keywords = set(inspect.signature(bascule.data.tokenize).parameters)
    keywords = keywords - {"inputs", "progress", "json_keys"} | {"json_key"}
    assert options == keywords
