#!/usr/bin/env python3
"""Checks the real model's whole way with transformers, which knows nothing of bascule.

    smollm2.py --gguf MODEL.gguf --converted HF_DIR --exported HF_DIR

converted: what tools/gguf_to_hf.py wrote. Tensors, token ids and greedy text must equal what
transformers' own GGUF loader makes of the same file.
exported: what `bascule export` wrote from the imported checkpoint. Same tensors, bit for bit, same
files, and "The capital of France is" goes on with " Paris".
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

PROMPT = "The capital of France is"
TEXTS = [
    PROMPT,
    "Hello, world! It's   spaced,\n\n  indented\tand tabbed.",
    "def f(x):\n    return x ** 2 - 1\n",
    "Größe, naïve café, 東京, emoji 🙂, עברית",
    "<|im_start|>user\nHow are you?<|im_end|>\n",
    "",
]
# transformers' GGUF loader takes every GPT-2 tokenizer for Llama 3's and so groups digits by three; the
# model was trained on single ones, as `tokenizer.ggml.pre = smollm` says, so digits are checked apart.
DIGITS = "In 1984 and 20250 3.14"


def tensors(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}


def different(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> list[str]:
    names = left.keys() ^ right.keys()
    return sorted(names) + [n for n in left.keys() & right.keys()
                            if left[n].dtype != right[n].dtype or not torch.equal(left[n], right[n])]


def continuation(folder: Path) -> str:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(PROMPT, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=8, do_sample=False)
    return tokenizer.decode(out[0, ids.input_ids.shape[1]:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("gguf", "converted", "exported"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    results: list[tuple[str, bool, str]] = []

    def check(name: str, good: bool, detail: object = "") -> None:
        results.append((name, good, str(detail)))
        print(f"{'ok    ' if good else 'FAILED'} {name} {detail}", flush=True)

    source = {"gguf_file": given.gguf.name}
    reference = AutoModelForCausalLM.from_pretrained(given.gguf.parent, **source, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(given.converted, dtype=torch.bfloat16)
    wrong = different(tensors(reference), tensors(ours))
    check("converted tensors equal those of transformers' GGUF loader", not wrong, wrong[:5])
    check("converted tensors are as many as the published model's", len(load_file(
        given.converted / "model.safetensors")) == 272)

    theirs, mine = AutoTokenizer.from_pretrained(given.gguf.parent, **source), AutoTokenizer.from_pretrained(
        given.converted)
    for text in TEXTS:
        a, b = theirs(text, add_special_tokens=False).input_ids, mine(text).input_ids
        check(f"token ids of {text!r}", a == b, "" if a == b else (a, b))
        check(f"decoded again {text!r}", mine.decode(b) == text)
    pieces = mine.convert_ids_to_tokens(mine(DIGITS).input_ids)
    check("digits stand alone", not any(sum(c.isdigit() for c in piece) > 1 for piece in pieces), pieces)
    chat = mine.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False,
                                    add_generation_prompt=True)
    check("the chat template speaks", chat.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"))

    before, after = (load_file(folder / "model.safetensors") for folder in (given.converted, given.exported))
    wrong = different(before, after)
    check("exported tensors equal the imported ones", not wrong, wrong[:5])
    for path in sorted(given.converted.iterdir()):
        if path.suffix != ".safetensors":
            other = given.exported / path.name
            check(f"{path.name} came back", other.exists() and other.read_bytes() == path.read_bytes())
    text = continuation(given.exported)
    check(f"{PROMPT!r} goes on with ' Paris'", text.startswith(" Paris"), repr(text))

    failed = sum(not good for _, good, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
