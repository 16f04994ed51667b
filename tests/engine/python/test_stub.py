"""What `_engine.pyi` promises, and what the extension has."""

import ast
import json
import typing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conftest import HF, ROOT


def functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


@pytest.fixture(scope="module")
def promised() -> dict[str, dict[str, ast.FunctionDef]]:
    """The functions of the extension, "", and of each of its classes."""
    body = ast.parse((ROOT / "python/bascule/_engine.pyi").read_text()).body
    classes = {node.name: functions(node.body) for node in body if isinstance(node, ast.ClassDef)}
    return {"": functions(body), **classes}


class Checker:
    """Calls what is promised, and notes it."""

    def __init__(self, bascule, promised: dict[str, dict[str, ast.FunctionDef]]) -> None:
        from bascule.training.random_states import States

        self.promised = promised
        self.known = {"torch": torch, "Outcome": bascule.Outcome, "States": States, "Any": typing.Any}
        self.seen: set[tuple[str, str]] = set()

    def _is(self, value: object, expected: typing.Any) -> None:
        origin, parts = typing.get_origin(expected), typing.get_args(expected)
        if expected is typing.Any:
            return
        if origin is list or (origin is tuple and parts[-1] is ...):
            assert type(value) is origin
            for each in value:
                self._is(each, parts[0])
        elif origin is tuple:
            assert type(value) is tuple
            for each, part in zip(value, parts, strict=True):
                self._is(each, part)
        elif origin is dict:
            assert all(type(key) is parts[0] for key in value)
        elif parts:  # a union
            assert type(value) in parts
        else:
            assert type(value) is (expected or type(None))

    def __call__(self, kind: str, name: str, it: object, *given: object, **named: object) -> object:
        node = self.promised[kind][name]
        self.seen.add((kind, name))
        is_property = any(ast.unparse(each) == "property" for each in node.decorator_list)
        if is_property:
            value = getattr(it, name)
        else:
            positional = [each.arg for each in node.args.posonlyargs if each.arg != "self"]
            either = [each.arg for each in node.args.args if each.arg != "self"]
            assert len(given) + len(named) == len(positional) + len(either)
            assert {*named} <= {*either}
            value = getattr(it, name)(*given, **named)
        if node.returns is not None:
            self._is(value, eval(ast.unparse(node.returns), self.known))
        return value


def test_the_stub_promises_what_is_there(
    bascule, promised, config: Callable, tmp_path: Path
) -> None:
    from bascule.extension import engine
    from bascule.progress import listener

    it = engine()
    names = {name for name in vars(it) if not name.startswith("_")}
    assert names == {*promised} - {""} | {*promised[""]}
    for kind in promised:
        if kind:
            methods = {name for name in vars(getattr(it, kind)) if not name.startswith("_")}
            assert methods == {name for name in promised[kind] if not name.startswith("_")}, kind
    call = Checker(bascule, promised)
    call.known |= {kind: getattr(it, kind) for kind in promised if kind}

    _, settings = call("", "describe", it, HF, "")
    assert json.loads(settings)["num_layers"] == 3
    call("", "check", it, path=HF, config="", settings=settings)
    model = call("", "hold", it, HF, "", settings, "float32", "cpu", True, seed=1)
    for name in ("family", "vocab_size", "parameters"):
        call("Model", name, model)
    call("Model", "load_weights", model, HF)
    told = listener(None)
    call("Model", "save_hf", model, tmp_path / "hf", False, True, False, told, False)
    call("Model", "save_checkpoint", model, tmp_path / "m", 0, told, False)

    tensors = it.HfTensors(model)
    call.seen.add(("HfTensors", "__init__"))
    call("HfTensors", "__len__", tensors)
    for name in ("name", "parameters", "tensor"):
        call("HfTensors", name, tensors, 0)

    tokens = torch.arange(8).view(2, 4)
    run = call("", "forward", it, model=model, tokens=tokens, positions=None, kept=True)
    logits = call("Forward", "logits", run)
    wanted = [True] * len(model.parameters())
    call("Forward", "losses", run, tokens)
    call("Forward", "backward", run, gradient=torch.ones_like(logits), labels=None, wanted=wanted)

    def step(data_iterator, model):
        batch = next(data_iterator)
        losses = model(batch["tokens"], batch["position_ids"], None, batch["labels"])
        return losses, lambda out: (out.sum(), batch["loss_mask"].sum(), {})

    seen = []

    class Watch(bascule.training.Callback):
        def on_train_end(self, context) -> None:
            run = context.state.train_state._run
            for name in promised["Run"]:
                given = {"add_gradients": ([None] * len(run.parameters()),), "balance": (0.0,)}
                call("Run", name, run, *given.get(name, ()))
            seen.append(type(run))

    cfg = config(None, "train.train_iters=1", "validation.eval_iters=0")
    bascule.pretrain(cfg, step, callbacks=[Watch()])
    assert seen == [it.Run]
    call.seen.add(("", "train"))  # pretrain() calls it with what the stub says
    assert call.seen == {(kind, name) for kind in promised for name in promised[kind]}
