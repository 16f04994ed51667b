"""What all modules share."""

import torch


class TransformerEngineBaseModule(torch.nn.Module):
    """Without FP8, `_extra_state` is an empty uint8 tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.fp8 = self.fp8_calibration = False
        self.fp8_meta = {"fp8_checkpoint": False, "recipe": None}

    def init_fp8_metadata(self, num_gemms: int = 1) -> None:
        pass

    def get_extra_state(self) -> torch.Tensor:
        return torch.empty(0, dtype=torch.uint8)

    def set_extra_state(self, state) -> None:
        if state is not None and not (isinstance(state, torch.Tensor) and state.numel() == 0):
            raise NotImplementedError("an _extra_state that is not empty")

    def set_tensor_parallel_group(self, group) -> None:
        self.tp_group = group
