#!/usr/bin/env python3
"""Checks the real model's whole way with transformers, which knows nothing of bascule.

    smollm2.py --gguf MODEL.gguf --converted HF_DIR --exported HF_DIR

converted: what tools/gguf_to_hf.py wrote. Tensors, token ids and greedy text must equal what
transformers' own GGUF loader makes of the same file.
exported: what `bascule export` wrote from the imported checkpoint. Same tensors, bit for bit, same
files, and "The capital of France is" goes on with " Paris".
"""

import argparse
import os
import sys
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

PROMPT = "The capital of France is"
TEXTS = [
    PROMPT,
    "Hello, world! It's   spaced,\n\n  indented\tand tabbed.",
    "def f(x):\n    return x ** 2 - 1\n",
    "Größe, naïve café, 東京, emoji 🙂, עברית",
    "<|im_start|>user\nHow are you?<|im_end|>\n",
    "In 1984 and 20250, 3.14; I'm 1a",
    "",
]


def rounded(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.to(torch.bfloat16) for name, value in tensors.items()}


def reference_tensors(gguf: Path) -> dict[str, torch.Tensor]:
    """What from_pretrained(gguf_file=...) loads, without the accelerate that it asks for."""
    config = AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return load_gguf_checkpoint(gguf, return_tensors=True, model_to_load=model)["tensors"]


def different(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> list[str]:
    names = left.keys() ^ right.keys()
    return sorted(names) + [
        n
        for n in left.keys() & right.keys()
        if left[n].dtype != right[n].dtype or not torch.equal(left[n], right[n])
    ]


def continuation(folder: Path) -> str:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(PROMPT, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=8, do_sample=False)
    return tokenizer.decode(out[0, ids.input_ids.shape[1] :])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("gguf", "converted", "exported"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    results: list[tuple[str, bool, str]] = []

    def check(name: str, good: bool, detail: object = "") -> None:
        results.append((name, good, str(detail)))
        print(f"{'ok    ' if good else 'FAILED'} {name} {detail}", flush=True)

    before = load_file(given.converted / "model.safetensors")
    check("converted tensors are 272", len(before) == 272)
    wrong = different(rounded(reference_tensors(given.gguf)), before)
    check("converted tensors equal those of transformers' GGUF loader", not wrong, wrong[:5] or "")

    theirs = AutoTokenizer.from_pretrained(given.gguf.parent, gguf_file=given.gguf.name)
    mine = AutoTokenizer.from_pretrained(given.converted)
    # AutoTokenizer rebuilds what precedes the model; this takes tokenizer.json as it stands.
    plain = PreTrainedTokenizerFast(tokenizer_file=str(given.converted / "tokenizer.json"))
    for text in TEXTS:
        a, b, c = (t(text, add_special_tokens=False).input_ids for t in (theirs, mine, plain))
        check(f"token ids of {text!r}", a == b == c, "" if a == b == c else (a, b, c))
        check(f"decoded again {text!r}", plain.decode(b) == text)
    chat = mine.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    check(
        "the chat template speaks",
        chat.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
    )

    wrong = different(before, load_file(given.exported / "model.safetensors"))
    check("exported tensors equal the imported ones", not wrong, wrong[:5] or "")
    for path in sorted(given.converted.iterdir()):
        if path.suffix != ".safetensors":
            other = given.exported / path.name
            check(
                f"{path.name} came back", other.exists() and other.read_bytes() == path.read_bytes()
            )
    text = continuation(given.exported)
    check(f"{PROMPT!r} goes on with ' Paris'", text.startswith(" Paris"), repr(text))

    failed = sum(not good for _, good, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
