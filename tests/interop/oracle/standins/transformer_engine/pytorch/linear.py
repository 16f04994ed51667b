"""Linear layers: plain, with a norm before, and a group of them for experts."""

import torch
import torch.nn.functional as functional

from .module.base import TransformerEngineBaseModule
from .norm import normalized

WEIGHT_DIM = {"column": 0, "row": 1}


class LinearBase(TransformerEngineBaseModule):
    def __init__(
        self,
        in_features,
        out_features,
        sequence_parallel=False,
        tp_group=None,
        tp_size=1,
        bias=True,
        return_bias=False,
        parallel_mode=None,
        params_dtype=None,
        device="cpu",
        init_method=None,
        **unused,
    ):
        super().__init__()
        self.in_features = in_features // (tp_size if parallel_mode == "row" else 1)
        self.out_features = out_features // (tp_size if parallel_mode == "column" else 1)
        self.tp_size, self.tp_group, self.parallel_mode = tp_size, tp_group, parallel_mode
        self.use_bias, self.return_bias, self.sequence_parallel = (
            bias,
            return_bias,
            sequence_parallel,
        )
        self.apply_bias = bias and not return_bias
        self.save_original_input = False
        self._where = {"dtype": params_dtype, "device": device}
        self._init_method = init_method

    def add_parameters(self, suffix: str = "") -> None:
        shape = (self.out_features, self.in_features)
        self._add(f"weight{suffix}", shape, self._init_method, WEIGHT_DIM.get(self.parallel_mode))
        if self.use_bias:
            dim = 0 if self.parallel_mode == "column" else None
            self._add(f"bias{suffix}", shape[:1], torch.nn.init.zeros_, dim)
        else:
            setattr(self, f"bias{suffix}", torch.Tensor())

    def _add(self, name: str, shape: tuple[int, ...], init_method, dim: int | None) -> None:
        parameter = torch.nn.Parameter(torch.empty(shape, **self._where))
        parameter.tensor_model_parallel = dim is not None
        parameter.partition_dim = -1 if dim is None else dim
        parameter.partition_stride = 1
        self.register_parameter(name, parameter)
        if init_method is not None and self._where["device"] != "meta":
            with torch.no_grad():
                init_method(parameter)

    def multiply(self, x, suffix: str = ""):
        bias = getattr(self, f"bias{suffix}").to(x.dtype) if self.apply_bias else None
        return functional.linear(x, getattr(self, f"weight{suffix}"), bias)


class Linear(LinearBase):
    def __init__(self, in_features, out_features, **named):
        super().__init__(in_features, out_features, **named)
        self.add_parameters()

    def forward(self, x, is_first_microbatch=None, **unused):
        return (self.multiply(x), self.bias) if self.return_bias else self.multiply(x)


class LayerNormLinear(LinearBase):
    def __init__(
        self,
        in_features,
        out_features,
        eps=1e-5,
        normalization="LayerNorm",
        return_layernorm_output=False,
        return_layernorm_output_gathered=False,
        zero_centered_gamma=False,
        **named,
    ):
        super().__init__(in_features, out_features, **named)
        if return_layernorm_output:
            raise NotImplementedError("return_layernorm_output")
        self.eps, self.normalization, self.zero_centered_gamma = (
            eps,
            normalization,
            zero_centered_gamma,
        )
        self.return_layernorm_output = return_layernorm_output
        self.return_layernorm_output_gathered = return_layernorm_output_gathered
        make = torch.zeros if zero_centered_gamma else torch.ones
        self.layer_norm_weight = torch.nn.Parameter(make(in_features, **self._where))
        self.layer_norm_weight.sequence_parallel = self.sequence_parallel
        self.layer_norm_bias = None
        if normalization != "RMSNorm":
            self.layer_norm_bias = torch.nn.Parameter(torch.zeros(in_features, **self._where))
            self.layer_norm_bias.sequence_parallel = self.sequence_parallel
        self.add_parameters()

    def forward(self, x, is_first_microbatch=None, **unused):
        x = normalized(
            x,
            self.normalization,
            self.layer_norm_weight,
            self.layer_norm_bias,
            self.eps,
            self.zero_centered_gamma,
        )
        return (self.multiply(x), self.bias) if self.return_bias else self.multiply(x)


class GroupedLinear(LinearBase):
    def __init__(self, num_gemms, in_features, out_features, **named):
        super().__init__(in_features, out_features, **named)
        self.num_gemms = num_gemms
        for expert in range(num_gemms):
            self.add_parameters(str(expert))

    def forward(self, x, m_splits, is_first_microbatch=None, **unused):
        parts = torch.split(x, list(m_splits))
        out = torch.cat([self.multiply(part, str(expert)) for expert, part in enumerate(parts)])
        if self.return_bias:
            return out, [getattr(self, f"bias{expert}") for expert in range(self.num_gemms)]
        return out
