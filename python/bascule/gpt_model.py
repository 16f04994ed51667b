"""A model in memory as a `torch.nn.Module`, computed by the engine."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bascule import _engine
from bascule.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class _Held(NamedTuple):
    """A module or a tensor that the engine knows, and where the model has it."""

    name: str
    parent: nn.Module
    leaf: str
    value: nn.Module | Tensor
    address: int

    def check(self) -> None:
        """Raises where the model has another by now, or the tensor is in other memory."""
        found = getattr(self.parent, self.leaf, None)
        if found is not self.value or _address(found) != self.address:
            raise UnsupportedError(
                f"{self.name} was replaced, and the engine computes with its own tensors; copy "
                "values into these: with torch.no_grad(): parameter.copy_(values)"
            )


def _address(value: nn.Module | Tensor) -> int:
    return value.data_ptr() if isinstance(value, Tensor) else 0


def _all_held(model: nn.Module) -> list[_Held]:
    return [
        _Held(f"{name}.{leaf}".lstrip("."), parent, leaf, value, _address(value))
        for name, parent in model.named_modules()
        for of_a_kind in (parent._modules, parent._parameters, parent._buffers)
        for leaf, value in of_a_kind.items()
    ]


def _versions(
    model: GPTModel, tokens: Tensor, positions: Tensor | None, labels: Tensor | None
) -> list[tuple[str, Tensor, int]]:
    """What a backward reads of what callers may change, and how often it was changed so far.

    Parameters that lie in one piece of memory are counted together, and cannot be told apart.
    """
    read: list[tuple[str, Tensor]]
    read = [("a parameter of the model", each) for each in model.parameters()]
    for name, given in (("input_ids", tokens), ("position_ids", positions), ("labels", labels)):
        if given is not None and not given.is_inference():
            read.append((name, given))
    return [(name, tensor, tensor._version) for name, tensor in read]


@contextmanager
def _without_autocast(devices: Iterable[str]) -> Iterator[None]:
    """The engine's own functions are written for the dtypes that the model has."""
    with ExitStack() as all_off:
        for device in devices:
            all_off.enter_context(torch.autocast(device, enabled=False))
        yield


class _Run(torch.autograd.Function):
    """One forward of the engine; its backward is the engine's own."""

    @staticmethod
    def forward(
        ctx: Any,
        model: GPTModel,
        tokens: Tensor,
        positions: Tensor | None,
        labels: Tensor | None,
        kept: bool,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.labels, ctx.devices = labels, {"cpu", *(each.device.type for each in parameters)}
        ctx.read = _versions(model, tokens, positions, labels) if kept else []
        ctx.set_materialize_grads(True)
        with _without_autocast(ctx.devices):
            ctx.run = run = _engine.forward(model.engine, tokens, positions, kept)
            return run.logits() if labels is None else run.losses(labels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            # With create_graph, what is returned depends on the parameters even where `gradients`
            # depends on nothing, which once_differentiable cannot see.
            gradients = tuple(each.detach().requires_grad_() for each in gradients)
        compute: Callable[..., tuple[Tensor | None, ...]] = once_differentiable(_Run.computed)
        return compute(ctx, *gradients)

    @staticmethod
    def computed(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The engine's gradients, which have none of their own."""
        for name, tensor, version in ctx.read:
            if tensor._version != version:
                raise RuntimeError(  # as torch's own functions
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: {name} is at version {tensor._version}; expected version "
                    f"{version} instead. Call backward before the change, or forward after it"
                )
        wanted = list(ctx.needs_input_grad[5:])
        with _without_autocast(ctx.devices):
            computed = ctx.run.backward(gradients[0], ctx.labels, wanted)
        return (None, None, None, None, None, *computed)


class GPTModel(nn.Module):
    """A decoder whose parameters share memory with the engine's, named as Megatron's.

    What changes them in place changes what the next forward computes, and the reverse. Gradients
    come through autograd: `.grad` of every parameter, in its own dtype.

    Attributes:
        family: the family that `bascule.models()` lists it under.
        vocab_size: tokens of the vocabulary, without padding.
    """

    def __init__(self, engine: _engine.Model) -> None:
        super().__init__()
        self.engine = engine
        self.family: str = engine.family
        self.vocab_size: int = engine.vocab_size
        self._order: list[Tensor] = []
        for name, value, trained in engine.parameters():
            held = nn.Parameter(value) if trained else value
            _hold(self, name.split("."), held)
            self._order.append(held)
        self._held = _all_held(self)

    def forward(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        *,
        loss_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits, or the loss of each label.

        Args:
            input_ids: [sequences, length], integers below `vocab_size`.
            position_ids: [sequences, length]; None: 0, 1, ...
            attention_mask: None, or one that says what the model does anyway: each token sees those
                before it.
            labels: [sequences, length], what follows each token.
            loss_mask: not looked at, as Megatron's model does: it weighs what this returns.

        Returns:
            [sequences, length, vocabulary], in the parameters' dtype; with labels [sequences,
            length] in float32 (float64 of a float64 model), in nats.

        Raises:
            bascule.UserError: ids out of range, or shapes that do not fit.
            bascule.UnsupportedError: another attention mask, or a parameter was replaced.
        """
        for held in self._held:
            held.check()
        _check_mask(attention_mask, input_ids)
        kept = torch.is_grad_enabled() and any(each.requires_grad for each in self._order)
        run: Callable[..., Tensor] = _Run.apply
        return run(self, input_ids, position_ids, labels, kept, *self._order)

    def count_change(self) -> None:
        """Tells autograd that the engine changed the parameters in place."""
        torch.autograd.graph.increment_version(tuple(self._order))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's, but `_extra_state`, which Transformer Engine keeps, is left out of account.

        Raises:
            bascule.UnsupportedError: with `assign`, which would part parameters from the engine.
        """
        if assign:
            raise UnsupportedError(
                "load_state_dict(assign=True) would give the module tensors that the engine does "
                "not compute with; leave assign out"
            )
        kept = {key: value for key, value in state_dict.items() if "_extra_state" not in key}
        return super().load_state_dict(kept, strict=strict)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """What copies and pickles ask for.

        Raises:
            bascule.UnsupportedError: always, with what to do.
        """
        raise UnsupportedError(
            "the engine has this model's memory, so that it is neither copied nor pickled; make "
            "another one with provide_distributed_model(), and give it this one's values: "
            "other.load_state_dict(model.state_dict())"
        )

    def _apply(self, fn: Any, recurse: bool = True) -> GPTModel:
        for each in self._order:
            with torch.no_grad():
                changed = fn(each)
            if changed.dtype != each.dtype or changed.device != each.device:
                raise UnsupportedError(
                    f"the engine holds this model as {each.dtype} on {each.device}, and cannot "
                    f"make it {changed.dtype} on {changed.device}; say so when it is made: "
                    "provide_distributed_model(dtype=..., device=...)"
                )
        return self


def _hold(module: nn.Module, names: Sequence[str], value: Tensor) -> None:
    *folders, leaf = names
    for at, name in enumerate(folders):
        child = module._modules.get(name)
        if child is None:
            following = names[at + 1]
            child = nn.ModuleList() if following.isdigit() else nn.Module()
            module.add_module(name, child)
        module = child
    if isinstance(value, nn.Parameter):
        module.register_parameter(leaf, value)
    else:
        module.register_buffer(leaf, value)


def _check_mask(mask: Tensor | None, tokens: Tensor) -> None:
    if mask is None:
        return
    if mask.dim() == 2 and bool(mask.all()):  # as transformers': 1 where a token counts
        return
    if mask.dim() == 4 and mask.dtype == torch.bool:  # as Megatron's: true where it is hidden
        length = tokens.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=mask.device).triu(1)
        if mask.shape[-2:] == causal.shape and bool((mask == causal).all()):
            return
    raise UnsupportedError(
        f"an attention mask of shape {list(mask.shape)} that hides other tokens than those to come "
        "is not supported; give None, and weigh the losses of padding with 0"
    )


def unwrapped(model: nn.Module | Iterable[nn.Module]) -> GPTModel:
    """The one GPTModel in what functions of Megatron's API take: a model, or a list of one."""
    found = model if isinstance(model, nn.Module) else list(model)
    if not isinstance(found, nn.Module):
        if len(found) != 1:
            raise UnsupportedError(
                f"{len(found)} pieces of a model: pipeline stages are not supported yet"
            )
        found = found[0]
    inner = getattr(found, "module", found)
    if not isinstance(inner, GPTModel):
        raise UnsupportedError(f"{type(inner).__name__} is no model of bascule's")
    return inner
