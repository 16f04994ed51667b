"""What a checkpoint holds, tensor by tensor: key, shape, dtype, SHA-256 of the elements. Needs
torch, not Megatron.
"""

import hashlib
import io
import json
import struct
import warnings
from pathlib import Path

DTYPES = {
    "BF16": "bfloat16",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "I64": "int64",
    "I32": "int32",
    "U8": "uint8",
    "I8": "int8",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
Digest = dict[str, dict]
RANDOM = "rng_state/shard_0.0_1.1"


def iteration(root: str | Path) -> Path:
    """The newest iteration of a Megatron checkpoint, or `root` if it is one."""
    root = Path(root)
    if (root / ".metadata").exists():
        return root
    found = sorted([*root.glob("iter_*"), *root.glob("release")])
    if not found:
        raise FileNotFoundError(f"no Megatron checkpoint in {root}")
    return found[-1]


def megatron(root: str | Path) -> Digest:
    """Tensors and byte objects (`_extra_state` and the like), read with plain torch."""
    import torch
    import torch.distributed.checkpoint as dcp

    directory = iteration(root)
    metadata = dcp.FileSystemReader(directory).read_metadata()
    tensors = {}
    for key, entry in metadata.state_dict_metadata.items():
        if not hasattr(entry, "size"):
            continue
        chunks = sum(torch.Size(chunk.sizes).numel() for chunk in entry.chunks)
        if chunks != torch.Size(entry.size).numel():
            raise AssertionError(
                f"{key}: its chunks hold {chunks} elements, its shape is {list(entry.size)}"
            )
        tensors[key] = torch.empty(tuple(entry.size), dtype=entry.properties.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is only one process
        dcp.load(tensors, storage_reader=dcp.FileSystemReader(directory), no_dist=True)
    found: Digest = {}
    for key, tensor in tensors.items():
        raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        found[key] = {
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype)[6:],
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
    for index, place in metadata.storage_data.items():
        if index.fqn not in found:
            found[index.fqn] = {"object": repr(_object(directory, place))}
    if set(found) != set(metadata.state_dict_metadata):
        raise AssertionError(f"not stored: {set(metadata.state_dict_metadata) - set(found)}")
    return found


def _object(directory: Path, place) -> object:
    """Arrays of numpy are in it where Megatron has written the states of random generators."""
    import numpy as np
    import torch

    with open(directory / place.relative_path, "rb") as file:
        file.seek(place.offset)
        raw = file.read(place.length)
    array = [type(np.dtype(np.uint32)), np.dtype, np.ndarray, np._core.multiarray._reconstruct]
    with torch.serialization.safe_globals(array):
        return torch.load(io.BytesIO(raw), weights_only=True)


def random_states(root: str | Path) -> dict:
    """The object `rng_state`, in plain numbers."""
    import torch.distributed.checkpoint as dcp

    directory = iteration(root)
    stored = dcp.FileSystemReader(directory).read_metadata().storage_data
    place = next(place for index, place in stored.items() if index.fqn == RANDOM)
    [[states]] = _object(directory, place)
    name, words, *rest = states["np_rng_state"]
    return {
        "python": states["random_rng_state"],
        "numpy": (name, list(map(int, words)), *rest),
        "torch": states["torch_rng_state"].tolist(),
        "cuda": states["cuda_rng_state"].tolist(),
        "named": {name: each.tolist() for name, each in states["rng_tracker_states"].items()},
    }


def hugging_face(directory: str | Path) -> Digest:
    """The tensors of all safetensors files."""
    found: Digest = {}
    for path in sorted(Path(directory).glob("*.safetensors")):
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
            for key, entry in header.items():
                if key == "__metadata__":
                    continue
                begin, end = entry["data_offsets"]
                file.seek(8 + length + begin)
                if key in found:
                    raise AssertionError(f"{key} is in two files")
                found[key] = {
                    "shape": entry["shape"],
                    "dtype": DTYPES.get(entry["dtype"], entry["dtype"]),
                    "sha256": hashlib.sha256(file.read(end - begin)).hexdigest(),
                }
    if not found:
        raise FileNotFoundError(f"no safetensors in {directory}")
    return found


def differences(expected: Digest, found: Digest) -> list[str]:
    """One line for each key that is absent, extra or different."""
    lines = [f"absent: {key}" for key in sorted(set(expected) - set(found))]
    lines += [f"extra: {key}" for key in sorted(set(found) - set(expected))]
    for key in sorted(set(expected) & set(found)):
        if expected[key] != found[key]:
            lines.append(f"differs: {key}: expected {expected[key]}, found {found[key]}")
    return lines
