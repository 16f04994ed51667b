"""transformers in double precision throughout.

transformers casts to float32 inside of norms, rotary embeddings and softmax whatever the model's
dtype. Under `Wide` every request for float32, be it by .float(), .to(torch.float32), a dtype=
argument or type promotion of a new tensor, is answered in float64.
"""

import torch
from torch.overrides import TorchFunctionMode


def _wider(value):
    return torch.float64 if value is torch.float32 else value


class Wide(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        args = tuple(_wider(value) for value in args)
        kwargs = {key: _wider(value) for key, value in (kwargs or {}).items()}
        if function is torch.Tensor.float:
            return args[0].double()
        return function(*args, **kwargs)
