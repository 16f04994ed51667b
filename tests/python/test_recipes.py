"""The recipes' functions, and what those of Megatron Bridge 0.3.1 set."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bascule
from bascule import ConfigContainer, _core, recipes
from bascule.recipes import llama32_1b_pretrain_config, qwen3_8b_pretrain_config
from conftest import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from bascule.recipes.pretraining import PretrainConfig, PretrainOptions

SUFFIX = "_pretrain_config"
BRIDGE = json.loads((GOLDEN / "recipes" / "recipes.json").read_text())

# Settings that Bridge's functions give another value: (here, there).
OTHERWISE: dict[str, tuple[object, object]] = {
    "train.exit_signal_handler": (True, False),
    "optimizer.weight_decay": (0.033, 0.1),  # the scheduler's are what acts there
    "scheduler.start_weight_decay": (None, 0.033),
    "scheduler.end_weight_decay": (None, 0.033),
    # Its window is of 511 keys and the query's own, as the published model's.
    "gemma3_1b model.window_size": (511, 512),
    "gemma3_1b model.transformer_layer_spec": (
        None,
        "megatron.bridge.models.gemma.gemma3_provider.gemma3_layer_spec",
    ),
    "olmoe_7b mixed_precision": ("bf16_mixed", "MixedPrecisionConfig"),  # gradients in bf16
    "olmoe_7b model.kv_channels": (None, 128),  # 2048 / 16
    "olmoe_7b scheduler.lr_decay_iters": (None, 500000),  # train_iters
    "olmoe_7b tokenizer.vocab_size": (32000, 50304),
}
# What Megatron has where a recipe says nothing of a model.
UNSET: dict[str, object] = {
    "add_qkv_bias": False,
    "attention_output_gate": False,
    "init_method_std": 0.02,
    "layernorm_zero_centered_gamma": False,
    "make_vocab_size_divisible_by": 128,
    "moe_aux_loss_coeff": 0.0,
    "moe_layer_freq": 1,
    "moe_router_enable_expert_bias": False,
    "moe_router_load_balancing_type": "aux_loss",
    "moe_router_pre_softmax": False,
    "moe_router_score_function": "softmax",
    "moe_router_topk": 2,
    "moe_shared_expert_gate": False,
    "qk_layernorm": False,
    "rope_scaling": False,
    "rope_scaling_factor": 1.0,
    "rotary_base": 10000.0,
    "rotary_percent": 1.0,
    "should_pad_vocab": False,
    "softmax_type": "vanilla",
}
# Bridge's functions are for many devices.
LAYOUT = {
    f"model.{name}"
    for name in (
        "tensor_model_parallel_size",
        "pipeline_model_parallel_size",
        "virtual_pipeline_model_parallel_size",
        "context_parallel_size",
        "expert_model_parallel_size",
        "expert_tensor_parallel_size",
        "sequence_parallel",
    )
}


def functions() -> dict[str, PretrainConfig]:
    found: dict[str, PretrainConfig] = {}
    for each in pkgutil.iter_modules(recipes.__path__):
        if each.name != "pretraining":
            module = importlib.import_module(f"bascule.recipes.{each.name}")
            found |= {f"{each.name}.{name}": getattr(module, name) for name in module.__all__}
    return found


def test_every_recipe_has_a_function_in_one_family() -> None:
    found = functions()
    names = [name.partition(".")[2] for name in found]
    assert sorted(names) == sorted(recipe + SUFFIX for recipe in _core.recipe_names())
    for name, function in found.items():
        cfg = function()
        cfg.validate()
        recipe = name.partition(".")[2].removesuffix(SUFFIX)
        assert cfg.to_yaml() == f"base:\n- {recipe}\n- python\n"
        assert function.__name__ == recipe + SUFFIX
        assert _core.recipe_about(recipe) in (inspect.getdoc(function) or "")
        assert getattr(recipes, recipe + SUFFIX) is function


def test_bridges_functions_are_where_they_were() -> None:
    found = functions()
    theirs = {f"{family}.{name}" for family, names in BRIDGE["families"].items() for name in names}
    lacked = theirs - set(found)
    assert {name for name in lacked if name.partition(".")[0] in {"llama", "gemma", "olmoe"}} == {
        "llama.llama3_8b_low_precision_pretrain_config"
    }
    assert {name for name in lacked if name.startswith("qwen.")} == {
        "qwen.qwen3_next_80b_a3b_pretrain_config"
    }
    assert set(BRIDGE["recipes"]) == {
        name.partition(".")[2].removesuffix(SUFFIX) for name in theirs & set(found)
    }
    assert {name.partition(".")[0] for name in lacked} == {
        "deepseek", "glm", "gpt_oss", "llama", "moonlight", "nemotron_vl", "nemotronh", "qwen",
        "qwen_vl",
    }  # fmt: skip


@pytest.mark.parametrize("recipe", sorted(BRIDGE["recipes"]))
def test_values_are_bridges(recipe: str) -> None:
    cfg = getattr(recipes, recipe + SUFFIX)()
    values = BRIDGE["all"] | BRIDGE["recipes"][recipe]
    of_the_hub = values["tokenizer.tokenizer_type"] == "HuggingFaceTokenizer"
    assert len(values) > 60
    for path, value in values.items():
        if path in LAYOUT or (of_the_hub and path.startswith("tokenizer.")):
            continue
        group, _, name = path.rpartition(".")
        here = getattr(getattr(cfg, group) if group else cfg, name)
        there = tuple(value) if isinstance(value, list) else value
        expected = OTHERWISE.get(f"{recipe} {path}", OTHERWISE.get(path))
        if path == "dataset.sequence_length":
            assert (here, cfg.model.seq_length) == (None, there)
        elif expected is not None:
            assert (here, there) == expected, path
        elif group == "model" and here is None:
            assert there == UNSET.get(name), path
        else:
            assert here == there, path


def test_a_keyword_sets_what_it_names() -> None:
    options: PretrainOptions = {
        "train_iters": 10, "global_batch_size": 8, "micro_batch_size": 2, "seq_length": 512,
        "lr": 1e-3, "min_lr": 1e-4, "lr_warmup_iters": 3, "lr_decay_iters": 9, "eval_interval": 5,
        "save_interval": 4, "precision_config": None, "tensor_model_parallel_size": 1,
        "pretrained_checkpoint": "model",
    }  # fmt: skip
    cfg = llama32_1b_pretrain_config(**options)
    assert cfg.to_yaml() == (
        "base:\n- llama32_1b\n- python\n"
        "checkpoint:\n  pretrained_checkpoint: model\n  save_interval: 4\n"
        "dataset:\n  seq_length: 512\n"
        "mixed_precision: null\n"
        "model:\n  seq_length: 512\n  tensor_model_parallel_size: 1\n"
        "optimizer:\n  lr: 0.001\n  min_lr: 0.0001\n"
        "scheduler:\n  lr_decay_iters: 9\n  lr_warmup_iters: 3\n"
        "train:\n  global_batch_size: 8\n  micro_batch_size: 2\n  train_iters: 10\n"
        "validation:\n  eval_interval: 5\n"
    )
    cfg.validate()


def test_a_keyword_that_is_none_or_not_built() -> None:
    make: Callable[..., ConfigContainer] = llama32_1b_pretrain_config
    with pytest.raises(bascule.UserError) as raised:
        llama32_1b_pretrain_config(seq_lenth=3)  # type: ignore[call-arg]
    assert str(raised.value) == (
        "llama32_1b_pretrain_config has no keyword seq_lenth; did you mean seq_length?"
    )
    with pytest.raises(bascule.UserError, match=r"train\.train_iters is 0; accepted is"):
        llama32_1b_pretrain_config(train_iters=0)
    for name in ("tensor", "pipeline", "expert"):
        with pytest.raises(bascule.UnsupportedError, match=f"{name}.* is 2, .* one device so far"):
            make(**{f"{name}_model_parallel_size": 2})
    with pytest.raises(bascule.UnsupportedError, match="context_parallel_size is 2"):
        llama32_1b_pretrain_config(context_parallel_size=2)
    with pytest.raises(bascule.UnsupportedError, match="sequence_parallel is true"):
        llama32_1b_pretrain_config(sequence_parallel=True)
    refused: dict[str, object] = {
        "pipeline_dtype": "bfloat16", "use_megatron_fsdp": True, "hf_path": "some/model",
        "comm_overlap_config": 1, "peft": "lora", "moe_flex_dispatcher_backend": "deepep",
        "account_for_embedding_in_pipeline_split": True, "account_for_loss_in_pipeline_split": True,
    }  # fmt: skip
    for name, value in refused.items():
        with pytest.raises(bascule.UnsupportedError, match="does not exist here"):
            make(**{name: value})
        for nothing in (None, False):
            cfg = make(**{name: nothing})
            assert cfg.to_yaml() == llama32_1b_pretrain_config().to_yaml()


def test_where_a_run_goes() -> None:
    def folders(cfg: ConfigContainer) -> tuple[str | None, ...]:
        return cfg.checkpoint.save, cfg.checkpoint.load, cfg.logger.tensorboard_dir

    run = "nemo_experiments/default"
    make = llama32_1b_pretrain_config
    assert folders(make()) == (f"{run}/checkpoints", f"{run}/checkpoints", f"{run}/tb_logs")
    run = "nemo_experiments/mine"
    assert folders(make(name="mine")) == (f"{run}/checkpoints",) * 2 + (f"{run}/tb_logs",)
    run = "/runs/default"
    assert folders(make(dir=Path("/runs"))) == (f"{run}/checkpoints",) * 2 + (f"{run}/tb_logs",)
    assert folders(make(dir="a/b", name="c"))[2] == "a/b/c/tb_logs"


def test_data() -> None:
    make = llama32_1b_pretrain_config
    assert make().dataset.blend is make(mock=True).dataset.blend is None
    paired = (("data/a", "data/b"), (0.3, 0.7))
    flat = ["0.3", "data/a", "0.7", "data/b"]
    assert make(data_paths=flat).dataset.blend == paired
    assert make(blend=(["data/a", "data/b"], [0.3, 0.7])).dataset.blend == paired
    splits = (paired, (("data/v",), None), (("data/t",), None))
    cfg = make(train_data_path=flat, valid_data_path=["data/v"], test_data_path=["data/t"])
    assert cfg.dataset.blend_per_split == splits
    assert cfg.dataset.split is None
    cfg.validate()
    assert make(train_data_path=["data/t"]).dataset.blend_per_split == (splits[2], None, None)
    with pytest.raises(bascule.UserError, match="given in 2 ways, but only one"):
        make(data_paths=flat, mock=True)
    with pytest.raises(bascule.UserError, match="given in 3 ways"):
        make(data_paths=flat, blend="data/a", train_data_path=flat)


def test_tokenizers() -> None:
    cfg = qwen3_8b_pretrain_config()
    assert (cfg.tokenizer.tokenizer_type, cfg.tokenizer.vocab_size) == ("NullTokenizer", 32000)
    cfg = qwen3_8b_pretrain_config(tokenizer_model="some/model")
    assert cfg.tokenizer.tokenizer_type == "HuggingFaceTokenizer"
    assert cfg.tokenizer.tokenizer_model == "some/model"
    assert cfg.tokenizer.vocab_size is None
    cfg.validate()
    with pytest.raises(bascule.UserError, match=r"needs tokenizer\.tokenizer_model"):
        qwen3_8b_pretrain_config(use_null_tokenizer=False).validate()


def test_the_quick_start() -> None:
    cfg = llama32_1b_pretrain_config(seq_length=1024)
    cfg.train.train_iters = 10
    cfg.scheduler.lr_decay_iters = 10000
    cfg.model.vocab_size = 8192
    with pytest.raises(bascule.UserError, match=r"vocab_size is 32000, but model\.vocab_size is"):
        cfg.validate()
    cfg.tokenizer.vocab_size = cfg.model.vocab_size
    cfg.validate()
    lines = [line.split() for line in cfg.resolved().splitlines()]
    assert ["vocab_size:", "8192", "#", "python"] in lines
    assert ["num_layers:", "16", "#", "recipes/models/llama32_1b.yaml:4"] in lines
    assert ["tokenizer_type:", "NullTokenizer", "#", "recipes/base/python.yaml:9"] in lines


def test_they_are_imported_when_they_are_asked_for() -> None:
    code = "import sys, bascule; print(*(name for name in sys.modules if 'recipes' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
