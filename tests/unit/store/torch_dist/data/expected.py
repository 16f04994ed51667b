"""Writes the table of what torch itself reads from a torch_dist directory: one line a tensor.

    python tests/unit/store/torch_dist/data/expected.py DIRECTORY > expected/NAME.txt
"""

import sys
import zlib

import torch
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
from torch.distributed.checkpoint.state_dict_loader import _load_state_dict


def main(directory: str) -> None:
    state: dict[str, object] = {}
    _load_state_dict(state, storage_reader=FileSystemReader(directory),
                     planner=_EmptyStateDictLoadPlanner(), no_dist=True)
    for name, value in sorted(state.items()):
        if isinstance(value, torch.Tensor):
            data = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            shape = ",".join(map(str, value.shape))
            print(name, str(value.dtype).removeprefix("torch."), shape or "-",
                  f"{zlib.crc32(data):08x}")


if __name__ == "__main__":
    main(sys.argv[1])
