"""Jobs for the data classes of the real Megatron-Core.

python -m oracle.datasets JOBS RESULTS
"""

import hashlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from oracle import boot, jobs

RECORDED = 20  # samples of each split
KEPT = {  # of a sample, and as what
    "tokens": np.int32,
    "labels": np.int32,
    "loss_mask": np.float32,
    "position_ids": np.int32,
    "attention_mask": bool,
}
INDICES = ("document_index", "sample_index", "shuffle_index")
OPTIONAL = ("add_extra_token_to_sequence", "drop_last_partial_validation_sequence")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def npy(array: np.ndarray) -> str:
    """The hash of the .npy file of an array."""
    file = io.BytesIO()
    np.save(file, array)
    return sha256(file.getvalue())


def blend(names: list[str], weights: list[float] | None) -> tuple:
    return [f"data/{name}" for name in names], weights


def config(settings: dict, cache: str):
    from megatron.core.datasets.gpt_dataset import GPTDatasetConfig
    from megatron.core.tokenizers.text.libraries.null_tokenizer import NullTokenizer

    if "per_split" in settings:
        blends = [each and blend(*each) for each in settings["per_split"]]
        source = {"blend_per_split": blends}
    else:
        whole = blend(settings["blend"], settings.get("weights"))
        source = {"blend": whole, "split": settings["split"]}
    rules = ("reset_position_ids", "reset_attention_mask", "eod_mask_loss")
    return GPTDatasetConfig(
        random_seed=settings["random_seed"],
        sequence_length=settings["seq"],
        path_to_cache=cache,
        tokenizer=NullTokenizer(settings["eod"]),
        create_attention_mask=settings["reset_attention_mask"],
        **{name: settings[name] for name in rules},
        **{name: settings[name] for name in OPTIONAL if name in settings},
        **source,
    )


def part(dataset) -> dict:
    """What a GPTDataset came to."""
    tokens = dataset._get_num_tokens_per_epoch()
    return {
        "num_samples": dataset.num_samples,
        "len": len(dataset),
        "tokens_per_epoch": tokens,
        "epochs": dataset._get_num_epochs(tokens) if tokens else 0,
        "hash": dataset.unique_description_hash,
    }


def record(split: str, dataset, arrays: dict[str, str]) -> dict:
    blended = hasattr(dataset, "datasets")
    found = {"len": len(dataset), "datasets": []}
    for number, each in enumerate(dataset.datasets if blended else [dataset]):
        found["datasets"].append(part(each))
        for name in INDICES:
            of = f"{split}_d{number}" if blended else split
            arrays[f"{of}_{name}.npy"] = npy(getattr(each, name))
    if blended:
        for name in ("dataset_index", "dataset_sample_index"):
            arrays[f"{split}_{name}.npy"] = npy(getattr(dataset, name))
        found |= {
            "size": dataset.size,
            "weights": dataset.weights,
            "hash": dataset.unique_description_hash,
        }
    samples = [dataset[i] for i in range(min(RECORDED, len(dataset)))]
    for name, dtype in KEPT.items():
        if samples and samples[0].get(name) is not None:
            rows = np.stack([sample[name].numpy().astype(dtype) for sample in samples])
            arrays[f"{split}_{name}.npy"] = npy(rows)
    return found


def case(folder: str, settings: dict) -> dict:
    """Builds the datasets in `folder`/data as settings say. Paths are relative to `folder`, because
    the names of caches depend on them.
    """
    from megatron.core.datasets.blended_megatron_dataset_builder import (
        BlendedMegatronDatasetBuilder,
    )
    from megatron.core.datasets.gpt_dataset import GPTDataset

    os.chdir(folder)
    with tempfile.TemporaryDirectory() as cache, boot.process_group():
        builder = BlendedMegatronDatasetBuilder(
            GPTDataset, settings["sizes"], lambda: True, config(settings, cache)
        )
        splits, arrays = {}, {}
        for split, dataset in zip(("train", "valid", "test"), builder.build(), strict=True):
            if dataset is not None:
                splits[split] = record(split, dataset, arrays)
        files = {path.name: sha256(path.read_bytes()) for path in sorted(Path(cache).iterdir())}
    return {
        "settings": settings,
        "splits": splits,
        "cache": files,
        "arrays": dict(sorted(arrays.items())),
    }


def tokenize(target: str, tokenizer: str, rows: str, key: str, append_eod: bool) -> dict:
    """What Megatron's builder makes of the values of `key`, tokenized by transformers: a text is a
    sequence, a row a document, and a document that has tokens may end with the end of a text.
    """
    import transformers
    from megatron.core.datasets.indexed_dataset import DType, IndexedDatasetBuilder

    encoder = transformers.AutoTokenizer.from_pretrained(tokenizer)
    dtype = DType.optimal_dtype(len(encoder))
    builder = IndexedDatasetBuilder(f"{target}.bin", dtype=dtype)
    for line in Path(rows).read_text().split("\n"):
        value = json.loads(line)[key]
        parts = value if isinstance(value, list) else [value]
        sequences = [encoder(part, add_special_tokens=False)["input_ids"] for part in parts]
        sequences = [each for each in sequences if each]
        if sequences and append_eod:
            sequences[-1].append(encoder.eos_token_id)
        tokens = torch.tensor([token for each in sequences for token in each], dtype=torch.int64)
        builder.add_document(tokens, [len(each) for each in sequences])
    builder.finalize(f"{target}.idx")
    return {"dtype": np.dtype(dtype).name}


def merge(target: str, prefixes: list[str]) -> dict:
    """What Megatron's builder makes of several datasets."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset, IndexedDatasetBuilder

    dtype = IndexedDataset(prefixes[0]).index.dtype
    builder = IndexedDatasetBuilder(f"{target}.bin", dtype=dtype)
    for prefix in prefixes:
        builder.add_index(prefix)
    builder.finalize(f"{target}.idx")
    return read(target)


def read(prefix: str) -> dict:
    """What Megatron finds in a dataset."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    dataset = IndexedDataset(prefix)
    return {
        "dtype": dataset.index.dtype.__name__,
        "documents": dataset.document_indices.tolist(),
        "sequences": [sha256(dataset[i].tobytes()) for i in range(len(dataset))],
    }


def main() -> None:
    boot.install()
    actions = {"case": case, "merge": merge, "read": read, "tokenize": tokenize}
    jobs.serve(actions, *sys.argv[1:3])


if __name__ == "__main__":
    main()
