#!/usr/bin/env python3
"""Prints the mean loss, in nats a token, that transformers computes of a text.

    held_out_loss.py HF_DIR TEXT [--length 256]
"""

import argparse
from pathlib import Path

import torch
import transformers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--length", type=int, default=256, help="tokens of a sequence")
    given = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
    ids = tokenizer(given.text.read_text(encoding="utf-8"), add_special_tokens=False)["input_ids"]
    rows = torch.tensor(ids[: len(ids) // given.length * given.length]).view(-1, given.length)
    with torch.no_grad():
        losses = [model(input_ids=row, labels=row).loss.item() for row in rows.split(4)]
        sizes = [len(row) for row in rows.split(4)]
    print(sum(a * b for a, b in zip(losses, sizes, strict=True)) / sum(sizes))


if __name__ == "__main__":
    main()
