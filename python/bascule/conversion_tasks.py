"""What becomes of each parameter of a model in memory, as Megatron Bridge lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from bascule._engine import HfTensors
    from bascule.gpt_model import GPTModel


class HFWeightTuple(NamedTuple):
    """A tensor under its Hugging Face name."""

    param_name: str
    weight: torch.Tensor


@dataclass(frozen=True)
class WeightMapping:
    """A parameter, and the Hugging Face tensors that are made of it, in the order of export.

    Attributes:
        megatron_param: Megatron's name.
        hf_param: the Hugging Face name; where several tensors are fused, their names by what they
            are: q, k, v, or gate, up.
    """

    megatron_param: str
    hf_param: str | dict[str, str]

    @property
    def hf_names(self) -> list[str]:
        """The Hugging Face names, of one tensor or several."""
        return [self.hf_param] if isinstance(self.hf_param, str) else list(self.hf_param.values())


def _by_role(names: list[str]) -> str | dict[str, str]:
    """One name, or several by the part that tells them apart: `q` of self_attn.q_proj.weight."""
    if len(names) == 1:
        return names[0]
    columns = zip(*(name.split(".") for name in names), strict=False)
    parts = next(each for each in columns if len({*each}) > 1)
    return {part.removesuffix("_proj"): name for part, name in zip(parts, names, strict=True)}


@dataclass(frozen=True, eq=False)
class WeightConversionTask:
    """What to convert: one parameter of a model.

    Attributes:
        param_name: its name on this rank.
        global_param_name: its name in the whole model; the same, in a world of one.
        mapping: where it goes.
        pp_rank: the pipeline stage that has it, 0.
        vp_stage: the part of the stage that has it, None: stages have one.
        megatron_module: the module that has it.
        param_weight: its value, not a copy.
    """

    param_name: str
    global_param_name: str
    mapping: WeightMapping
    pp_rank: int | None = None
    vp_stage: int | None = None
    megatron_module: Any = None
    param_weight: Any = None


def tasks_of(model: GPTModel, tensors: HfTensors) -> list[WeightConversionTask]:
    """A task for each parameter, in the model's order."""
    goes: dict[str, list[str]] = {}
    for index in range(len(tensors)):
        for parameter in tensors.parameters(index):
            goes.setdefault(parameter, []).append(tensors.name(index))
    values = model.state_dict(keep_vars=True)
    return [
        WeightConversionTask(
            param_name=name,
            global_param_name=name,
            mapping=WeightMapping(name, _by_role(goes[name])),
            pp_rank=0,
            megatron_module=model.get_submodule(name.rpartition(".")[0]),
            param_weight=value,
        )
        for name, value in values.items()
        if name in goes
    ]


def wanted(tensors: HfTensors, tasks: Iterable[WeightConversionTask] | None) -> list[int]:
    """The Hugging Face tensors that tasks ask for, in the order of export; None asks for all."""
    everything = range(len(tensors))
    if tasks is None:
        return list(everything)
    names = {name for task in tasks for name in task.mapping.hf_names}
    return [index for index in everything if tensors.name(index) in names]
