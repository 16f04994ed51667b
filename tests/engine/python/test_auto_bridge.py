"""AutoBridge and the model that Python gets, against transformers and the command line."""

import ast
import copy
import inspect
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
import transformers

from conftest import HF, ROOT

FAMILIES = ["llama", "llama_tied", "qwen2", "qwen3_moe", "gemma2", "gemma3", "olmoe", "mistral"]


@pytest.fixture
def bridge(bascule):
    return bascule.AutoBridge.from_hf_pretrained(HF, trust_remote_code=True)


def reference(folder: Path, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager"
    )


def ids(vocabulary: int, seed: int = 0, shape: tuple[int, int] = (2, 24)) -> torch.Tensor:
    return torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(seed))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "bascule" not in path.parts[len(folder.parts) :]
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_are_those_of_transformers(family: str, bascule) -> None:
    folder = ROOT / "tests/golden" / family / "hf"
    provider = bascule.AutoBridge.from_hf_pretrained(folder).to_megatron_provider()
    model = provider.provide(dtype=torch.float32)
    theirs = reference(folder)
    tokens = ids(model.vocab_size)
    ours, expected = model(tokens), theirs(tokens, use_cache=False).logits
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() <= 2e-5 * expected.abs().max()
    weight = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1))
    (ours * weight).sum().backward()
    (expected * weight).sum().backward()
    embedding = model.embedding.word_embeddings.weight.grad
    wanted = theirs.get_input_embeddings().weight.grad
    assert (embedding - wanted).abs().max() <= 2e-5 * wanted.abs().max()
    for each in model.parameters():
        assert each.grad is not None
        assert each.grad.dtype == each.dtype


@pytest.mark.parametrize("family", ["llama", "llama_tied"])
def test_ten_steps_of_adamw_are_those_of_transformers(family: str, bascule, tmp_path: Path) -> None:
    """Losses to 1e-5. The first step of AdamW is the sign of a gradient: the few elements whose
    gradients are as small as their rounding may go either way, in transformers' model, too."""
    bridge = bascule.AutoBridge.from_hf_pretrained(ROOT / "tests/golden" / family / "hf")
    (model,) = bridge.to_megatron_model(
        load_weights=False, wrap_with_ddp=False, dtype=torch.float32, device="cpu"
    )
    bridge.save_hf_pretrained(model, tmp_path / "before", show_progress=False)
    theirs = reference(tmp_path / "before")
    optimizers = [torch.optim.AdamW(each.parameters(), lr=2e-5) for each in (model, theirs)]
    for step in range(10):
        tokens = ids(model.vocab_size, seed=step, shape=(2, 25))
        loss = model(tokens[:, :-1], labels=tokens[:, 1:]).mean()
        expected = theirs(tokens, labels=tokens, use_cache=False).loss
        assert abs(loss.item() - expected.item()) <= 1e-5 * abs(expected.item())
        for optimizer, value in zip(optimizers, (loss, expected), strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    bridge.save_hf_pretrained([model], tmp_path / "after", show_progress=False)
    ours = reference(tmp_path / "after").state_dict()
    off = torch.cat([(ours[name] - value).abs().flatten() for name, value in theirs.state_dict().items()])
    assert off.mean() <= 1e-7
    assert (off > 1e-5).float().mean() <= 1e-3


def test_gradients_add_up_and_a_forward_has_one_backward(bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    tokens, other = ids(model.vocab_size), ids(model.vocab_size, seed=9)
    first, second = model(tokens).square().mean(), model(other).square().mean()
    second.backward()
    one = [each.grad.clone() for each in model.parameters()]
    first.backward()
    both = [each.grad.clone() for each in model.parameters()]
    model.zero_grad()
    model(tokens).square().mean().backward()
    for a, b, sum_of_both in zip(one, (p.grad for p in model.parameters()), both, strict=True):
        assert torch.allclose(a + b, sum_of_both, rtol=1e-6, atol=1e-9)
    loss = model(tokens).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(Exception, match="run it again"):
        loss.backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_changes_nothing(dtype: torch.dtype, bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=dtype, device="cpu")
    tokens, weight = ids(model.vocab_size), torch.linspace(-1, 1, model.vocab_size)

    def computed(forward: bool, backward: bool, labels: torch.Tensor | None) -> list[torch.Tensor]:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=forward):
            out = model(tokens, labels=labels)
        loss = out.float().mean() if labels is not None else (out.float() * weight).sum()
        with torch.autocast("cpu", torch.bfloat16, enabled=backward):
            loss.backward()
        return [out, *(each.grad for each in model.parameters())]

    for labels in (None, tokens):
        plain = computed(False, False, labels)
        for forward, backward in ((True, False), (True, True), (False, True)):
            cast = computed(forward, backward, labels)
            for a, b in zip(plain, cast, strict=True):
                assert a.dtype == b.dtype
                assert torch.equal(a, b)


@pytest.mark.parametrize("square", [False, True])
def test_gradients_have_no_gradients(square: bool, bridge) -> None:
    """Where the loss is linear in what the model returns, too, and another loss has some."""
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    tokens, weights = ids(model.vocab_size), list(model.parameters())
    losses = model(tokens, labels=tokens)
    plain = torch.autograd.grad((losses**2 if square else losses).mean(), weights)
    losses = model(tokens, labels=tokens)
    loss = (losses**2 if square else losses).mean()
    made = torch.autograd.grad(loss, weights, create_graph=True)
    for a, b in zip(plain, made, strict=True):
        assert torch.equal(a, b)
    penalty = sum(each.square().sum() for each in made)
    with pytest.raises(RuntimeError, match="trying to differentiate twice"):
        (model(tokens, labels=tokens).mean() + penalty).backward()


def test_changes_between_forward_and_backward_are_refused(bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    tokens = ids(model.vocab_size)
    labels = tokens.clone()
    optimizer = torch.optim.AdamW(model.parameters())
    model(tokens).sum().backward()

    def changed(change) -> str:
        loss = model(tokens, labels=labels).sum()
        change()
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
            loss.backward()
        return str(raised.value)

    assert "a parameter of the model is at version" in changed(optimizer.step)
    assert "labels is at" in changed(lambda: labels.add_(0))
    assert "input_ids is at" in changed(lambda: tokens.add_(0))
    assert "a parameter" in changed(lambda: bridge.load_hf_weights(model))
    model.requires_grad_(False)
    model.output_layer.weight.requires_grad_(True)
    norm = model.decoder.final_layernorm.weight
    assert "a parameter" in changed(lambda: norm.mul_(2))
    model(tokens).sum().backward()


def test_frozen_parameters_get_no_gradient(bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    model.embedding.word_embeddings.weight.requires_grad_(False)
    model(ids(model.vocab_size)).sum().backward()
    assert model.embedding.word_embeddings.weight.grad is None
    assert model.decoder.layers[0].mlp.linear_fc1.weight.grad is not None
    model.requires_grad_(False)
    assert not model(ids(model.vocab_size)).requires_grad


def test_memory_is_shared(bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    tokens = ids(model.vocab_size)
    before = model(tokens).detach().clone()
    with torch.no_grad():
        model.decoder.final_layernorm.weight.mul_(2)
    assert torch.allclose(model(tokens), 2 * before)
    bridge.load_hf_weights([model])
    assert torch.equal(model(tokens), before)


def test_replaced_parameters_are_refused(bascule, bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False, dtype=torch.float32, device="cpu")
    tokens = ids(model.vocab_size)
    before = model(tokens).detach()
    norm = model.decoder.final_layernorm
    words = r"decoder.final_layernorm.weight was replaced, .*parameter.copy_\(values\)"
    held = norm.weight
    norm.weight = torch.nn.Parameter(torch.zeros_like(held))
    with pytest.raises(bascule.UnsupportedError, match=words):
        model(tokens)
    norm.weight = held
    assert torch.equal(model(tokens), before)
    model.decoder.final_layernorm = torch.nn.LayerNorm(len(held))
    with pytest.raises(bascule.UnsupportedError, match=r"decoder.final_layernorm was replaced"):
        model(tokens)
    model.decoder.final_layernorm = norm
    own = dict(model.named_parameters())
    assert torch.equal(torch.func.functional_call(model, own, tokens), before)
    other = {"decoder.final_layernorm.weight": torch.zeros_like(held)}
    with pytest.raises(bascule.UnsupportedError, match=words):
        torch.func.functional_call(model, other, tokens)
    assert torch.equal(model(tokens), before)
    values = torch.nn.utils.parameters_to_vector(model.parameters())
    torch.nn.utils.vector_to_parameters(values, model.parameters())
    with pytest.raises(bascule.UnsupportedError, match=r"embedding.* was replaced"):
        model(tokens)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_export_returns_every_byte(family: str, bascule, tmp_path: Path) -> None:
    folder = ROOT / "tests/golden" / family / "hf"
    bridge = bascule.AutoBridge.from_hf_pretrained(folder)
    model = bridge.to_megatron_model(wrap_with_ddp=False)
    outcome = bridge.save_hf_pretrained(model, tmp_path / "hf", show_progress=False)
    assert outcome.verified
    assert contents(tmp_path / "hf") == contents(folder)


def test_weights_stream_as_they_are_stored(bridge) -> None:
    import safetensors.torch

    stored = safetensors.torch.load_file(HF / "model.safetensors")
    model = bridge.to_megatron_model(wrap_with_ddp=True)
    seen = dict(bridge.export_hf_weights(model, cpu=True, show_progress=False))
    assert seen.keys() == stored.keys()
    for name, weight in seen.items():
        assert torch.equal(weight, stored[name]), name
        assert weight.dtype == stored[name].dtype
    first = next(iter(bridge.export_hf_weights(model, cpu=True)))
    assert first.param_name in stored
    assert first.weight.shape == stored[first.param_name].shape


@pytest.mark.parametrize("family", ["llama", "llama_tied", "qwen3_moe"])
def test_conversion_tasks(family: str, bascule) -> None:
    import safetensors.torch

    folder = ROOT / "tests/golden" / family / "hf"
    stored = {}
    for file in folder.glob("*.safetensors"):
        stored |= safetensors.torch.load_file(file)
    bridge = bascule.AutoBridge.from_hf_pretrained(folder)
    model = bridge.to_megatron_model(wrap_with_ddp=True)
    tasks = bridge.get_conversion_tasks(model)
    parameters = dict(model[0].module.named_parameters())
    assert {task.param_name for task in tasks} >= parameters.keys()
    assert {name for task in tasks for name in task.mapping.hf_names} == stored.keys()
    for task in tasks:
        name = task.param_name
        assert task.global_param_name == task.mapping.megatron_param == name
        assert task.megatron_module.state_dict(keep_vars=True)[name.rpartition(".")[2]] is (
            task.param_weight
        )
        if name in parameters:
            assert task.param_weight is parameters[name]
        made = sum(stored[each].numel() for each in task.mapping.hf_names)
        assert made <= task.param_weight.numel()  # which may be padded
        theirs = task.mapping.hf_param
        if "linear_qkv.weight" in name:  # as Megatron Bridge's mappings have them
            layer = name.split(".")[2]
            assert theirs == {
                each: f"model.layers.{layer}.self_attn.{each}_proj.weight" for each in "qkv"
            }
        elif "linear_fc1.weight" in name:
            assert list(theirs) == ["gate", "up"]
            assert all(f".{role}_proj." in one for role, one in theirs.items())
        else:
            assert isinstance(theirs, str)
    wanted = [task for task in tasks if "linear_qkv.weight" in task.param_name]
    seen = dict(bridge.export_hf_weights(model, cpu=True, conversion_tasks=wanted))
    assert len(seen) == 3 * len(wanted)
    for name, weight in seen.items():
        assert name.rpartition(".self_attn.")[2] in ("q_proj.weight", "k_proj.weight", "v_proj.weight")
        assert torch.equal(weight, stored[name])
    assert not list(bridge.export_hf_weights(model, conversion_tasks=[]))


def test_a_wrapped_model_trains_as_the_model_itself(bridge) -> None:
    """To the last bit, with the gradients that a wrapper forgets again."""
    tokens, made = ids(259, shape=(2, 9)), []
    for wrapped in (False, True):
        (model,) = bridge.to_megatron_model(wrap_with_ddp=wrapped, dtype=torch.float32, device="cpu")
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(2):
            loss = model(tokens[:, :-1], labels=tokens[:, 1:]).mean()
            loss.backward()
            optimizer.step()
            (model.zero_grad_buffer if wrapped else model.zero_grad)()
        names = {name.removeprefix("module."): each for name, each in model.named_parameters()}
        assert all(each.grad is None for each in names.values())
        made.append((loss.item(), names))
    assert made[0][0] == made[1][0]
    for name, each in made[0][1].items():
        assert torch.equal(each, made[1][1][name]), name


def test_a_wrapper_has_the_state_of_its_model(bascule, bridge) -> None:
    """As megatron-core's: names without "module.", from and to a model with and without a wrapper."""
    (bare,) = bridge.to_megatron_model(wrap_with_ddp=False)
    (wrapped,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=True)
    assert list(wrapped.state_dict()) == list(bare.state_dict())
    assert list(wrapped.state_dict(prefix="a.")) == list(bare.state_dict(prefix="a."))
    held = wrapped.state_dict(keep_vars=True)
    assert held["decoder.final_layernorm.weight"] is wrapped.module.decoder.final_layernorm.weight
    extra = {"decoder.layers.0.mlp.linear_fc1._extra_state": None}
    wrapped.load_state_dict(bare.state_dict() | extra)
    for name, value in bare.state_dict().items():
        assert torch.equal(wrapped.state_dict()[name], value), name
    bare.load_state_dict(wrapped.state_dict())
    with pytest.raises(RuntimeError, match="Unexpected key"):
        wrapped.load_state_dict({f"module.{name}": each for name, each in bare.state_dict().items()})
    found = wrapped.load_state_dict({}, strict=False)
    assert found.missing_keys == list(bare.state_dict())
    with pytest.raises(bascule.UnsupportedError, match="leave assign out"):
        wrapped.load_state_dict(bare.state_dict(), assign=True)


def test_gradients_add_up_without_synchronization(bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=True, dtype=torch.float32, device="cpu")
    tokens = ids(259)
    model(tokens).square().mean().backward()
    once = model.module.output_layer.weight.grad.clone()
    with model.no_sync():
        model(tokens).square().mean().backward()
    assert torch.allclose(model.module.output_layer.weight.grad, 2 * once)


def test_models_are_not_copied(bascule, bridge, tmp_path: Path) -> None:
    """Their memory is the engine's; a copy is another model with the same values."""
    for wrapped in (False, True):
        (model,) = bridge.to_megatron_model(wrap_with_ddp=wrapped)
        for ask in (copy.copy, copy.deepcopy, pickle.dumps, partial(torch.save, f=io.BytesIO())):
            if wrapped and ask is copy.copy:
                continue  # another wrapper around the same model
            with pytest.raises(bascule.UnsupportedError, match="load_state_dict"):
                ask(model)
    (other,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=True)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    other.load_state_dict(torch.load(tmp_path / "weights.pt"))
    tokens = ids(259)
    assert torch.equal(other(tokens), model(tokens))


def test_weights_alone(bascule, bridge, tmp_path: Path) -> None:
    model = bridge.to_megatron_model(wrap_with_ddp=False)
    outcome = bridge.save_hf_weights(model, tmp_path / "weights", show_progress=False)
    assert outcome.verified
    written = contents(tmp_path / "weights")
    assert written == {name: data for name, data in contents(HF).items() if ".safetensors" in name}
    with pytest.raises(bascule.UserError, match=r"exists .* pass overwrite=True to replace it"):
        bridge.save_hf_weights(model, tmp_path / "weights", overwrite=False)
    bridge.save_hf_weights(model, tmp_path / "weights", verify=False, overwrite=True)
    assert contents(tmp_path / "weights") == written
    with pytest.raises(bascule.UserError, match=r"has no config.json, which says what model"):
        bascule.verify(HF, tmp_path / "weights")
    shutil.copy(HF / "config.json", tmp_path / "weights")
    assert bascule.verify(HF, tmp_path / "weights")


def test_megatron_checkpoints_are_those_of_the_command_line(
    bascule, bridge, engine: Path, tmp_path: Path
) -> None:
    made = bridge.save_megatron_model(
        bridge.to_megatron_model(wrap_with_ddp=False), tmp_path / "m", show_progress=False
    )
    assert made == tmp_path / "m/iter_0000000"
    bascule.AutoBridge.import_ckpt(HF, tmp_path / "theirs")
    assert bascule.verify(tmp_path / "m", tmp_path / "theirs")
    (model,) = bridge.load_megatron_model(tmp_path / "m", dtype=torch.float32, device="cpu")
    tokens = ids(model.vocab_size)
    expected = reference(HF)(tokens, use_cache=False).logits
    assert (model(tokens) - expected).abs().max() <= 2e-5 * expected.abs().max()
    outcome = bridge.export_ckpt(tmp_path / "m", tmp_path / "hf", show_progress=False)
    assert outcome.verified
    assert contents(tmp_path / "hf") == contents(HF)


def test_which_checkpoint_is_loaded(bascule, bridge, tmp_path: Path) -> None:
    """The latest of a root, or the iteration that is named; settings are checked as a provider's."""
    model = bridge.to_megatron_model(wrap_with_ddp=False, device="cpu")
    bridge.save_megatron_model(model, tmp_path / "m", iteration=3, show_progress=False)
    with torch.no_grad():
        model[0].decoder.final_layernorm.weight.mul_(2)
    bridge.save_megatron_model(model, tmp_path / "m", iteration=12, show_progress=False)
    (latest,) = bridge.load_megatron_model(
        tmp_path / "m", mp_overrides={"pipeline_model_parallel_size": 1}, device="cpu"
    )
    first = bridge.load_megatron_model(tmp_path / "m/iter_0000003", wrap_with_ddp=True, device="cpu")
    norm = "decoder.final_layernorm.weight"
    assert torch.equal(latest.state_dict()[norm], 2 * first[0].state_dict()[norm])
    with pytest.raises(bascule.UnsupportedError, match="so far; set it to 1"):
        bridge.load_megatron_model(tmp_path / "m", mp_overrides={"tensor_model_parallel_size": 2})
    assert bridge.load_hf_weights(first) is first
    assert bridge.load_hf_weights(latest, tmp_path / "m/iter_0000012") is latest
    assert torch.equal(latest.state_dict()[norm], 2 * first[0].state_dict()[norm])


def test_a_bridge_of_a_configuration_exports(bascule, bridge, tmp_path: Path) -> None:
    """Which needs no original: a checkpoint says what it is."""
    bare = bascule.AutoBridge.from_hf_config(json.loads((HF / "config.json").read_text()))
    bridge.import_ckpt(HF, tmp_path / "m")
    bare.export_ckpt(tmp_path / "m", tmp_path / "hf", show_progress=False)
    assert contents(tmp_path / "hf") == contents(HF)
    model = bare.to_megatron_model(load_weights=False, wrap_with_ddp=False)
    bare.load_hf_weights(model, HF)
    bare.save_hf_pretrained(model, tmp_path / "weights", show_progress=False)
    assert bascule.verify(HF, tmp_path / "weights")


def test_what_is_replaced_without_being_asked(bascule, bridge, tmp_path: Path) -> None:
    model = bridge.to_megatron_model(wrap_with_ddp=False)
    shutil.copytree(HF, tmp_path / "theirs")
    (tmp_path / "theirs/README.md").touch()
    bridge.save_hf_pretrained(model, tmp_path / "theirs", show_progress=False)
    assert contents(tmp_path / "theirs") == contents(HF)
    for other in ("notes.doc", "runs/model.safetensors"):
        (tmp_path / "theirs" / other).parent.mkdir(exist_ok=True)
        (tmp_path / "theirs" / other).touch()
        with pytest.raises(bascule.UserError, match="overwrite=True"):
            bridge.save_hf_pretrained(model, tmp_path / "theirs", show_progress=False)
        (tmp_path / "theirs" / other).unlink()
    for _ in range(2):
        bridge.save_megatron_model(model, tmp_path / "m", show_progress=False)
    assert bascule.verify(HF, tmp_path / "m")


def test_providers_refuse_what_is_no_setting(bascule, bridge) -> None:
    provider = bridge.to_megatron_provider()
    assert provider.num_layers == 3
    assert provider.activation_func == "torch.nn.functional.silu"
    with pytest.raises(AttributeError, match="did you mean tensor_model_parallel_size"):
        provider.tensor_model_paralel_size = 2
    with pytest.raises(AttributeError, match="did you mean hidden_size"):
        _ = provider.hiden_size
    provider.tensor_model_parallel_size = 2
    with pytest.raises(bascule.UnsupportedError, match="so far; set it to 1"):
        provider.finalize()
    provider.tensor_model_parallel_size = "two"
    with pytest.raises(bascule.UserError, match='is "two", not an integer'):
        provider.finalize()
    with pytest.raises(bascule.UnsupportedError, match="fp16"):
        bridge.to_megatron_model(fp16=True)


def test_another_model_takes_no_weights_of_this_one(bascule, bridge, tmp_path: Path) -> None:
    provider = bridge.to_megatron_provider()
    provider.num_layers = 2
    with pytest.raises(bascule.MismatchError, match="the number of layers"):
        provider.provide()
    smaller = bridge.to_megatron_provider(load_weights=False)
    smaller.num_layers = 2
    model = smaller.provide_distributed_model(wrap_with_ddp=False)
    with pytest.raises(bascule.MismatchError, match="another model"):
        bridge.load_hf_weights(model)
    bridge.save_hf_pretrained(model, tmp_path / "hf", show_progress=False)
    config = json.loads((tmp_path / "hf/config.json").read_text())
    assert config["num_hidden_layers"] == 2
    tokens = ids(model[0].vocab_size)
    expected = reference(tmp_path / "hf", torch.float32)(tokens, use_cache=False).logits
    wide = bascule.AutoBridge.from_hf_pretrained(tmp_path / "hf", torch_dtype=torch.float32)
    ours = wide.to_megatron_model(wrap_with_ddp=False, device="cpu")[0](tokens)
    assert ours.dtype == torch.float32
    assert (ours - expected).abs().max() <= 2e-5 * expected.abs().max()


def test_a_configuration_makes_random_models(bascule) -> None:
    config = transformers.AutoConfig.from_pretrained(HF)
    bridge = bascule.AutoBridge.from_hf_config(config)
    assert bascule.AutoBridge.supports(config)
    assert not bascule.AutoBridge.supports({"architectures": ["NoSuchModel"]})
    (one,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False, seed=1)
    (same,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False, seed=1)
    (other,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False, seed=2)
    name = "decoder.layers.0.mlp.linear_fc1.weight"
    assert torch.equal(one.state_dict()[name], same.state_dict()[name])
    assert not torch.equal(one.state_dict()[name], other.state_dict()[name])
    for ask in (bridge.to_megatron_provider, partial(bridge.load_hf_weights, one)):
        for kind in (bascule.UnsupportedError, ValueError):
            with pytest.raises(kind, match=r"of from_hf_config\(\) has no weights"):
                ask()


def test_state_dicts(bascule, bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False)
    (empty,) = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False)
    state = model.state_dict()
    assert "decoder.layers.0.self_attention.linear_qkv.layer_norm_weight" in state
    state["decoder.layers.0.self_attention.linear_qkv._extra_state"] = torch.zeros(3)
    empty.load_state_dict(state)
    tokens = ids(model.vocab_size)
    assert torch.equal(model.eval()(tokens), empty.train()(tokens))
    with pytest.raises(RuntimeError, match="unexpected"):
        empty.load_state_dict({**state, "decoder.unexpected": torch.zeros(1)})
    with pytest.raises(bascule.UnsupportedError, match="assign"):
        empty.load_state_dict(state, assign=True)
    with pytest.raises(bascule.UnsupportedError, match="provide_distributed_model"):
        model.half()


def test_what_a_forward_refuses(bascule, bridge) -> None:
    (model,) = bridge.to_megatron_model(wrap_with_ddp=False)
    tokens = ids(model.vocab_size, shape=(2, 8))
    hidden = torch.ones(1, 1, 8, 8, dtype=torch.bool).triu(1)
    assert torch.equal(model(tokens, attention_mask=hidden), model(tokens))
    assert torch.equal(model(tokens, torch.arange(8).expand(2, 8)), model(tokens))
    with pytest.raises(bascule.UnsupportedError, match="attention mask"):
        model(tokens, attention_mask=torch.tensor([[1] * 8, [0] + [1] * 7]))
    with pytest.raises(bascule.UserError, match=r"not in \[0, 259\)"):
        model(tokens + model.vocab_size)
    with pytest.raises(bascule.UserError, match="labels has the shape"):
        model(tokens, labels=tokens[:, 1:])
    with pytest.raises(bascule.UserError, match="positions"):
        model(ids(model.vocab_size, shape=(1, 513)))


@pytest.mark.parametrize("wrapped", [True, False])
def test_hooks(bridge, wrapped: bool) -> None:
    """In their order, each with what the one before gave; what a call names stands in for them."""
    seen = []

    def hook(name: str):
        return lambda models: seen.append((name, type(models[0]).__name__))

    provider = bridge.to_megatron_provider()
    assert provider.pre_wrap_hook is provider.post_wrap_hook is None
    provider.register_pre_wrap_hook(hook("second"))
    provider.register_pre_wrap_hook(hook("first"), prepend=True)
    provider.register_post_wrap_hook(hook("last"))
    provider.register_post_wrap_hook(hook("third"), prepend=True)
    models = provider.provide_distributed_model(wrap_with_ddp=wrapped)
    kind = "DistributedDataParallel" if wrapped else "GPTModel"
    assert [name for name, _ in seen] == ["first", "second", "third", "last"]
    assert [kind for _, kind in seen] == ["GPTModel", "GPTModel", kind, kind]
    name = next(name for name, _ in models[0].named_parameters())
    assert name.startswith("module.") is wrapped
    seen.clear()
    given = {"pre_wrap_hook": [hook("mine")], "post_wrap_hook": hook("my last")}
    (other,) = provider.provide_distributed_model(wrap_with_ddp=wrapped, **given)
    assert [name for name, _ in seen] == ["mine", "my last"]
    for ours, theirs in zip(models[0].parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)  # hooks do not stand in for the weights
    seen.clear()
    provider.pre_wrap_hook(models)
    provider.provide_distributed_model(pre_wrap_hook=[])
    assert [name for name, _ in seen] == ["first", "second", "third", "last"]
    other = object()
    assert provider.provide_distributed_model(post_wrap_hook=lambda models: [other]) == [other]


def peer_class(path: str, name: str) -> ast.ClassDef:
    """A class of Megatron Bridge or Megatron Core, read and never run."""
    body = ast.parse((ROOT / ".peers/megatron/megatron" / path).read_text(encoding="utf-8")).body
    return next(node for node in body if isinstance(node, ast.ClassDef) and node.name == name)


def test_a_model_is_asked_for_as_there(bascule, bridge) -> None:
    mixin = peer_class("bridge/models/model_provider.py", "ModelProviderMixin")
    (theirs,) = (n for n in mixin.body if getattr(n, "name", "") == "provide_distributed_model")
    provider = bridge.to_megatron_provider()
    ours = inspect.signature(provider.provide_distributed_model).parameters.values()
    names = [each.arg for each in theirs.args.args][1:]
    assert [each.name for each in ours if each.kind is not each.KEYWORD_ONLY] == names
    different = {"model_type", "mixed_precision_wrapper"}  # Megatron's objects there
    for each, default in zip(ours, theirs.args.defaults, strict=False):
        if each.name not in different:
            assert each.default == ast.literal_eval(default), each.name
    no_change = [None, "decoder", True, None, True, False, False, False, False, True, False]
    (model,) = provider.provide_distributed_model(*no_change)
    assert next(model.parameters()).dtype == torch.bfloat16
    assert not hasattr(model, "module")
    same = {"mixed_precision_wrapper": type("Float16Module", (), {}), "wrap_with_ddp": False}
    bridge.to_megatron_model(**same)
    for name, value in (
        ("use_megatron_fsdp", True),
        ("use_torch_fsdp2", True),
        ("init_model_with_meta_device", True),
        ("mixed_precision_wrapper", torch.nn.Module),
        ("pg_collection", object()),
    ):
        with pytest.raises(bascule.UnsupportedError, match=f"^{name}=.* is not there yet: "):
            bridge.to_megatron_model(**{name: value})
    for name, value in (("pre_process", False), ("post_process", False), ("vp_stage", 1)):
        with pytest.raises(bascule.UnsupportedError, match=f"^{name}=.*: pipeline stages"):
            provider.provide(**{name: value})


def test_what_providers_have_there(bascule, bridge) -> None:
    """Every field and method is there, or says why not, and is no misspelt setting."""
    provider = bridge.to_megatron_provider()
    kinds = [
        peer_class("bridge/models/gpt_provider.py", "GPTModelProvider"),
        peer_class("bridge/models/model_provider.py", "ModelProviderMixin"),
        peer_class("bridge/models/transformer_config.py", "TransformerConfig"),
        peer_class("core/transformer/transformer_config.py", "TransformerConfig"),
        peer_class("core/model_parallel_config.py", "ModelParallelConfig"),
    ]
    body = [node for kind in kinds for node in kind.body]
    names = [node.target.id for node in body if isinstance(node, ast.AnnAssign)]
    names += [node.name for node in body if isinstance(node, ast.FunctionDef)]
    lacking = {}
    for name in names:
        if name.startswith("_"):
            continue
        try:
            getattr(provider, name)
        except AttributeError as error:
            lacking[name] = error
    for name, error in lacking.items():
        refused = isinstance(error, bascule.RefusedSettingError)
        says = name if refused else f"models of the family llama have no setting {name}"
        assert says in str(error)
        with pytest.raises(type(error), match=re.escape(says)):
            setattr(provider, name, None)
    assert {"attention_backend", "fp8", "moe_layer_freq", "meta_model"} < lacking.keys()
    there = {"hf_model_id", "initialize_model_parallel", "register_post_wrap_hook", "asdict"}
    assert there < {*names} - lacking.keys()
    for name in ("from_hf_pretrained", "save_hf_pretrained"):
        with pytest.raises(bascule.UnsupportedError, match=rf"{name}\(\) is not there yet; AutoB"):
            getattr(provider, name)("somewhere")
    with pytest.raises(AttributeError, match="meta_model is not there yet"):
        _ = provider.meta_model


def test_a_provider_before_its_model_is_made(bascule, bridge) -> None:
    """As Megatron Bridge's examples set one up."""
    provider = bridge.to_megatron_provider(load_weights=False)
    other = ROOT / "tests/golden/qwen2/hf"
    assert provider.hf_model_id == str(HF)
    assert bridge.to_megatron_provider(hf_path=other).hf_model_id == str(other)
    provider.pipeline_dtype = torch.bfloat16
    assert provider.asdict()["pipeline_dtype"] is torch.bfloat16
    provider.finalize()
    provider.initialize_model_parallel(seed=7)
    first = next(provider.provide().parameters())
    assert torch.equal(first, next(provider.provide(seed=7).parameters()))
    assert not torch.equal(first, next(provider.provide(seed=8).parameters()))
    with pytest.raises(bascule.UnsupportedError, match="seed_kwargs"):
        provider.initialize_model_parallel(seed=7, seed_kwargs={"te_rng_tracker": True})
    cfg = bascule.ConfigContainer()
    cfg.model = provider
    again = copy.deepcopy(provider)
    again.num_layers = 2
    assert (provider.num_layers, again.num_layers) == (3, 2)
    provider.tensor_model_parallel_size = 2
    with pytest.raises(bascule.UnsupportedError, match="so far; set it to 1"):
        provider.initialize_model_parallel()
    config = json.loads((HF / "config.json").read_text())
    configured = bascule.AutoBridge.from_hf_config(config)
    assert configured.to_megatron_provider(load_weights=False).hf_model_id is None
    configured = bascule.AutoBridge.from_hf_config(transformers.AutoConfig.from_pretrained(HF))
    assert configured.to_megatron_provider(load_weights=False).hf_model_id == str(HF)


@pytest.mark.parametrize(("name", "value"), [("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "3")])
def test_other_ranks_are_refused(name: str, value: str, bascule, bridge, monkeypatch) -> None:
    provider = bridge.to_megatron_provider()
    for one in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.setenv(one, "1" if one == "WORLD_SIZE" else "0")
    provider.finalize()
    monkeypatch.setenv(name, value)
    with pytest.raises(bascule.UnsupportedError, match=f"{name} is {value}"):
        provider.finalize()
    with pytest.raises(bascule.UnsupportedError, match=f"{name} is {value}"):
        provider.provide()


def test_the_quick_start_of_conversion(bascule, engine: Path, tmp_path: Path) -> None:
    """By a Hub id, from a cache of links, offline."""
    hub = tmp_path / "hub/models--meta-llama--Llama-3.2-1B"
    snapshot = hub / "snapshots/0123456789012345678901234567890123456789"
    snapshot.mkdir(parents=True)
    (hub / "blobs").mkdir()
    (hub / "refs").mkdir()
    (hub / "refs/main").write_text(snapshot.name)
    for number, file in enumerate(sorted(HF.iterdir())):
        shutil.copy(file, hub / f"blobs/{number}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    env = os.environ | {
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(engine / "python"),
    }
    for _ in range(2):
        call = subprocess.run(
            [sys.executable, ROOT / "examples/convert.py"], cwd=tmp_path, env=env,
            capture_output=True, text=True, timeout=120,
        )
        assert call.returncode == 0, call.stderr
        assert "model.embed_tokens.weight (259, 96)" in call.stdout
        assert contents(tmp_path / "exported/llama32_1b") == contents(HF)
