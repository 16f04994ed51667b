"""What is set on a provider acts, or is refused with the reason."""

import pytest
import torch

from conftest import HF, ROOT

EXPERTS = ROOT / "tests/golden/olmoe/hf"
OF_TRAINING = [
    ("deterministic_mode", True),
    ("moe_aux_loss_coeff", 0.5),
    ("moe_expert_capacity_factor", 1.5),
    ("moe_router_bias_update_rate", 0.5),
    ("moe_router_force_load_balancing", True),
    ("moe_router_load_balancing_type", "none"),
    ("moe_z_loss_coeff", 0.1),
    ("recompute_granularity", "selective"),
]
# Each needs another of those above.
WITH_OTHERS = {
    "moe_pad_expert_input_to_capacity",
    "moe_token_drop_policy",
    "recompute_method",
    "recompute_modules",
    "recompute_num_layers",
}


@pytest.fixture
def provider(bascule):
    return bascule.AutoBridge.from_hf_pretrained(HF).to_megatron_provider()


@pytest.fixture
def of_experts(bascule):
    return bascule.AutoBridge.from_hf_pretrained(EXPERTS).to_megatron_provider()


def dtypes(provider) -> set[torch.dtype]:
    (model,) = provider.provide_distributed_model(wrap_with_ddp=False, device="cpu")
    return {each.dtype for each in model.parameters()}


@pytest.mark.parametrize(
    ("stored", "settings", "made"),
    [
        (torch.bfloat16, {}, torch.bfloat16),
        (torch.bfloat16, {"params_dtype": torch.float32}, torch.float32),
        (torch.bfloat16, {"params_dtype": torch.float32, "bf16": False}, torch.float32),
        (torch.bfloat16, {"bf16": True}, torch.bfloat16),
        (torch.float16, {"params_dtype": torch.float32}, torch.float32),
        (torch.float16, {"bf16": True}, torch.bfloat16),
        (torch.float32, {"bf16": True}, torch.bfloat16),
        (torch.float32, {"params_dtype": torch.bfloat16}, torch.bfloat16),
        (torch.float32, {"bf16": False, "fp16": False}, torch.float32),
    ],
)
def test_the_dtype_of_parameters(stored, settings, made, bascule) -> None:
    bridge = bascule.AutoBridge.from_hf_pretrained(HF, torch_dtype=stored)
    provider = bridge.to_megatron_provider()
    for name, value in settings.items():
        setattr(provider, name, value)
    provider.finalize()
    assert dtypes(provider) == {made}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"params_dtype": torch.float32, "bf16": True}, "bf16 is True, .* is torch.float32"),
        ({"bf16": False}, "bf16 is False, .* is torch.bfloat16"),
        ({"params_dtype": torch.float32, "fp16": True}, "fp16 is True, .* is torch.float32"),
    ],
)
def test_two_dtypes(settings, words, bascule, provider) -> None:
    for name, value in settings.items():
        setattr(provider, name, value)
    for made in (provider.finalize, provider.provide):
        with pytest.raises(bascule.UserError, match=words):
            made()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hidden_dropout", 0.1, "is 0.1.*dropout is not built.*set it back to 0.0"),
        ("attention_dropout", 0.1, "dropout is not built"),
        ("moe_token_dispatcher_type", "nonsense", "is 'nonsense'.*set it back to 'allgather'"),
        ("transformer_layer_spec", "nonsense", "layers are the engine's own"),
        ("moe_router_load_balancing_type", "nonsense", "has no experts"),
        ("moe_router_topk", 4, "has no experts"),
    ],
)
def test_what_nothing_does(name, value, words, bascule, provider) -> None:
    setattr(provider, name, value)
    for made in (provider.finalize, provider.provide, provider.provide_distributed_model):
        with pytest.raises(bascule.UnsupportedError, match=f"provider.{name} .*{words}"):
            made()
    setattr(provider, name, provider._first_values[name])
    provider.finalize()


def test_layers(bascule, provider, of_experts, config) -> None:
    """The one thing that a function for layers says here is whether norms are over all heads."""
    provider.transformer_layer_spec = "mine"
    with pytest.raises(bascule.UnsupportedError, match="layers are the engine's own"):
        config(None, model=None).model = provider
    provider.transformer_layer_spec = of_experts.transformer_layer_spec
    with pytest.raises(bascule.MismatchError, match="the mixer of layer 0"):
        provider.provide()


@pytest.mark.parametrize(("name", "value"), OF_TRAINING)
def test_what_only_training_does(name, value, bascule, of_experts, config) -> None:
    setattr(of_experts, name, value)
    of_experts.finalize()
    cfg = config(None, model=None)
    cfg.model = of_experts
    assert getattr(cfg.model, name) == value
    for made in (of_experts.provide, of_experts.provide_distributed_model):
        with pytest.raises(
            bascule.UnsupportedError, match=rf"{name} is .*only bascule.pretrain\(\)"
        ):
            made()


def test_no_setting_of_training_is_forgotten(bascule) -> None:
    from bascule import provider, settings

    names = list(settings.ModelSettings.__annotations__)
    of_runs = set(names[: names.index("num_layers")])
    one_rank = {name for name in of_runs if "parallel" in name}  # refused but for one rank
    assert set(provider._OF_TRAINING) >= of_runs - one_rank - {"family", "seq_length"}
    assert set(provider._OF_TRAINING) == {name for name, _ in OF_TRAINING} | WITH_OTHERS
