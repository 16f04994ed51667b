"""Jobs for transformers alone: a process without any stand-in, so that what it computes is a
reference.

python -m oracle.plain JOBS RESULTS
"""

import sys

from oracle import jobs, toys


def tokens(vocabulary: int, length: int):
    import torch

    random = torch.Generator().manual_seed(1234)
    return torch.randint(0, min(vocabulary, 240), (2, length), generator=random)


def logits(hf: str, out: str, length: int = 48, attention: str = "eager") -> jobs.Result:
    """Writes token ids and fp32 logits of the model in `hf` to `out`."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(hf)
    model_class = getattr(transformers, config.architectures[0])
    model, report = model_class.from_pretrained(
        hf, dtype=torch.float32, attn_implementation=attention, output_loading_info=True
    )
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[what]:
            raise AssertionError(f"{hf}: transformers reports {what}: {sorted(report[what])}")
    ids = tokens(config.vocab_size, length)
    with torch.no_grad():
        values = model.float().eval()(input_ids=ids, use_cache=False).logits.float()
    if not (torch.isfinite(values).all() and values.std() > 0):
        raise AssertionError(f"{hf}: useless logits")
    torch.save({"ids": ids, "logits": values}, out)
    return {"transformers": transformers.__version__, "largest": values.abs().max().item()}


def same_logits(first: str, second: str) -> jobs.Result:
    """The largest difference between two files that `logits` wrote."""
    import torch

    a, b = torch.load(first), torch.load(second)
    if not torch.equal(a["ids"], b["ids"]):
        raise AssertionError("not the same token ids")
    return {"difference": (a["logits"] - b["logits"]).abs().max().item()}


def main() -> None:
    jobs.serve({"toy": toys.write, "logits": logits, "same_logits": same_logits}, *sys.argv[1:3])
    stray = {"transformer_engine", "mamba_ssm", "megatron"} & set(sys.modules)
    if stray:
        raise SystemExit(f"the reference is not independent: it imported {stray}")


if __name__ == "__main__":
    main()
