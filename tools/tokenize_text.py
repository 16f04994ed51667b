#!/usr/bin/env python3
"""Turns a text into an indexed dataset, PREFIX.bin and PREFIX.idx, as Megatron reads them.

    tokenize_text.py TEXT TOKENIZER PREFIX [--held-out PERCENT]

TEXT is UTF-8; parts between empty lines stay together, and the dataset's documents are runs of
them. TOKENIZER is a directory with tokenizer.json. Each document ends with the tokenizer's
end-of-text token. With --held-out the last part of the text is not tokenized but written to
PREFIX.held_out.txt. docs/formats/indexed_dataset.md describes the files.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

PARTS = 64  # of a document


def documents(text: str) -> list[str]:
    parts = text.split("\n\n")
    return ["\n\n".join(parts[at : at + PARTS]) for at in range(0, len(parts), PARTS)]


def end_of_text(folder: Path, tokenizer: Tokenizer) -> int:
    name = json.loads((folder / "tokenizer_config.json").read_text())["eos_token"]
    return tokenizer.token_to_id(name["content"] if isinstance(name, dict) else name)


def write(prefix: Path, rows: list[np.ndarray]) -> None:
    """One sequence a document: int32 tokens, and where each begins, in bytes."""
    lengths = np.array([row.size for row in rows], np.int32)
    starts = np.zeros(lengths.size, np.int64)
    np.cumsum(lengths[:-1].astype(np.int64) * 4, out=starts[1:])
    Path(f"{prefix}.bin").write_bytes(b"".join(row.tobytes() for row in rows))
    with open(f"{prefix}.idx", "wb") as file:
        file.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 4, lengths.size, lengths.size + 1))
        file.write(lengths.tobytes() + starts.tobytes())
        file.write(np.arange(lengths.size + 1, dtype=np.int64).tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--held-out", type=float, default=0.0, metavar="PERCENT")
    given = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(given.tokenizer / "tokenizer.json"))
    end = end_of_text(given.tokenizer, tokenizer)
    text = given.text.read_text(encoding="utf-8")
    cut = int(len(text) * (1 - given.held_out / 100))
    cut = text.rfind("\n\n", 0, cut) if given.held_out else len(text)
    given.prefix.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        np.array([*tokenizer.encode(document, add_special_tokens=False).ids, end], np.int32)
        for document in documents(text[:cut])
    ]
    write(given.prefix, rows)
    if given.held_out:
        Path(f"{given.prefix}.held_out.txt").write_text(text[cut:].strip() + "\n", encoding="utf-8")
    print(f"{sum(row.size for row in rows)} tokens in {len(rows)} documents")


if __name__ == "__main__":
    main()
