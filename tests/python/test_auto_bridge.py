"""What AutoBridge does where torch is not."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bascule.pretrained
from bascule import AutoBridge

GOLDEN = Path(__file__).parents[1] / "golden/llama/hf"


def test_files_are_converted_without_torch(tmp_path: Path) -> None:
    bridge = AutoBridge.from_hf_pretrained(GOLDEN, trust_remote_code=True)
    assert AutoBridge.import_ckpt(GOLDEN, tmp_path / "m").verified
    assert bridge.export_ckpt(tmp_path / "m", tmp_path / "hf", show_progress=False).verified
    assert bascule.verify(GOLDEN, tmp_path / "hf")
    assert (tmp_path / "hf/model.safetensors").read_bytes() == (
        GOLDEN / "model.safetensors"
    ).read_bytes()


def test_conversions_run_again(tmp_path: Path) -> None:
    bridge = AutoBridge.from_hf_pretrained(GOLDEN)
    for _ in range(2):
        assert AutoBridge.import_ckpt(GOLDEN, tmp_path / "m").verified
        assert bridge.export_ckpt(tmp_path / "m", tmp_path / "hf", show_progress=False).verified
    assert bascule.verify(GOLDEN, tmp_path / "hf")
    words = "pass overwrite=True to replace it"
    with pytest.raises(bascule.UserError, match=words):
        bridge.import_ckpt(GOLDEN, tmp_path / "m", overwrite=False)
    with pytest.raises(bascule.UserError, match=words):
        bridge.export_ckpt(tmp_path / "m", tmp_path / "hf", overwrite=False)
    (tmp_path / "hf/notes.doc").touch()
    with pytest.raises(bascule.UserError, match=words):
        bridge.export_ckpt(tmp_path / "m", tmp_path / "hf", show_progress=False)


def test_what_is_supported(tmp_path: Path) -> None:
    names = AutoBridge.list_supported_models()
    assert "LlamaForCausalLM" in names
    assert names == sorted(names)
    assert AutoBridge.supports({"architectures": ["Qwen3ForCausalLM"]})
    assert not AutoBridge.supports({"architectures": ["Nothing"]})
    assert not AutoBridge.supports({})
    for architectures, known in [
        (["LlamaForCausalLM"], True),
        (["LlamaModel", "LlamaForCausalLM"], True),
        (["BertForMaskedLM"], False),
        (["LlamaModel"], False),
        ([], False),
        (None, False),
    ]:
        assert AutoBridge.supports(SimpleNamespace(architectures=architectures)) is known
    assert AutoBridge.supports(SimpleNamespace()) is False
    with pytest.raises(ValueError, match="BertForMaskedLM"):
        AutoBridge.from_hf_config({"architectures": ["BertForMaskedLM"], "model_type": "bert"})
    assert AutoBridge.can_handle("./nowhere") is False
    assert AutoBridge.can_handle(GOLDEN)
    config = json.loads((GOLDEN / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["Nothing"]}))
    assert not AutoBridge.can_handle(tmp_path)
    with pytest.raises(ValueError, match="holds no weights"):
        AutoBridge.from_hf_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((GOLDEN / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="Nothing"):
        AutoBridge.from_hf_pretrained(tmp_path)


def test_what_is_not_there_yet() -> None:
    bridge = AutoBridge.from_hf_pretrained(GOLDEN)
    with pytest.raises(bascule.UnsupportedError, match=r"push_to_hub\(\) is not there yet; hugg"):
        bridge.push_to_hub("some/model")
    with pytest.raises(bascule.UnsupportedError, match="adapter_weights"):
        bridge.export_adapter_weights([])
    assert not hasattr(bridge, "transformer_config")
    with pytest.raises(AttributeError, match="hf_pretrained is not there yet; path is"):
        _ = bridge.hf_pretrained


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("export_ckpt", "source_path", "code"),
        ("export_ckpt", "strict", False),
        ("get_conversion_tasks", "hf_path", "other"),
        ("load_hf_weights", "allowed_mismatched_params", ["*.bias"]),
        ("save_hf_pretrained", "merge_adapter_weights", False),
        ("save_hf_pretrained", "source_path", "code"),
        ("save_hf_weights", "strict", False),
        ("save_megatron_model", "hf_tokenizer_path", "some/model"),
        ("save_megatron_model", "low_memory_save", True),
    ],
)
def test_arguments_that_are_not_there_yet(
    method: str, name: str, value: object, tmp_path: Path
) -> None:
    bridge = AutoBridge.from_hf_pretrained(GOLDEN)
    given = [tmp_path, tmp_path / "new"][: 1 if method.startswith(("get", "load")) else 2]
    with pytest.raises(bascule.UnsupportedError, match=f"^{name}=.* is not there yet: "):
        getattr(bridge, method)(*given, **{name: value})
    assert not (tmp_path / "new").exists()


WITHOUT_EFFECT: dict[str, Any] = {
    "attn_implementation": "flash_attention_2",
    "device": "cuda",
    "device_map": {"": 0},
    "experts_implementation": "eager",
    "low_cpu_mem_usage": True,
    "max_memory": {0: "1GiB"},
    "offload_folder": "there",
    "offload_state_dict": True,
    "tp_size": 1,
    "use_safetensors": True,
    "weights_only": True,
    "load_in_8bit": False,
    "quantization_config": None,
}


def test_options_that_say_how_transformers_runs_a_model_change_nothing(tmp_path: Path) -> None:
    bridge = AutoBridge.from_hf_pretrained(GOLDEN, **WITHOUT_EFFECT)
    bridge.import_ckpt(GOLDEN, tmp_path / "m", dtype="auto", iteration=3, **WITHOUT_EFFECT)
    assert bascule.verify(GOLDEN, tmp_path / "m/iter_0000003")
    named = " ".join(bascule.pretrained.PretrainedOptions.__annotations__)
    page = (Path(__file__).parents[2] / "docs/python_models.md").read_text()
    anything = [n for n, each in bascule.pretrained._OTHERS.items() if each.accepted is None]
    for name in [*named.split(), *anything]:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("load_in_4bit", True, "stay as they are stored"),
        ("quantization_config", {"load_in_8bit": True}, "stay as they are stored"),
        ("variant", "fp16", "are read from model"),
        ("use_safetensors", False, "are read from model"),
        ("subfolder", "inner", "path of the folder"),
        ("gguf_file", "a.gguf", "gguf_to_hf.py"),
        ("config", {}, "from_hf_config"),
        ("tp_plan", "auto", "one rank"),
        ("proxies", {}, "HTTPS_PROXY"),
        ("rope_scaling", None, r"changed in to_megatron_provider\(\)"),
        ("torch_dtyp", "auto", "did you mean torch_dtype"),
    ],
)
def test_options_that_would_change_a_model(
    name: str, value: object, words: str, tmp_path: Path
) -> None:
    option: dict[str, Any] = {name: value}
    says = f"^{name}=.* is not there yet.*{words}"
    with pytest.raises(ValueError, match=says):
        AutoBridge.from_hf_pretrained(GOLDEN, **option)
    with pytest.raises(ValueError, match=says):
        AutoBridge.import_ckpt(GOLDEN, tmp_path / "m", **option)
    assert not (tmp_path / "m").exists()


def test_models_want_the_engine() -> None:
    words = (
        r"is not in this Python: pip install torch==[\d.]+; then pip install --no-build-isolation"
    )
    with pytest.raises(bascule.UnsupportedError, match=words):
        AutoBridge.from_hf_pretrained(GOLDEN).to_megatron_provider()


@pytest.mark.parametrize("name", ["./nothing", "/nothing/at/all", "a/b/c"])
def test_directories_that_are_not_there(name: str) -> None:
    for kind in (bascule.UserError, ValueError):
        with pytest.raises(kind, match="does not exist"):
            AutoBridge.from_hf_pretrained(name)


def test_hub_ids_want_huggingface_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as where it is not installed
    with pytest.raises(bascule.ResourceError, match="pip install huggingface_hub"):
        AutoBridge.from_hf_pretrained("some/model")
