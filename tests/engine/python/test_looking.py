"""`bascule-engine compare` and `generate`: what a person looks at a model with."""

import json
import subprocess
from pathlib import Path

import pytest
import torch
import transformers

from conftest import ROOT, one_thread

GOLDEN = ROOT / "tests/golden"


def ran(engine: Path, *words: object, code: int = 0) -> subprocess.CompletedProcess:
    call = subprocess.run(
        [str(engine / "bascule-engine"), *map(str, words)],
        capture_output=True, text=True, timeout=120, env=one_thread(), cwd=ROOT,
    )  # fmt: skip
    assert call.returncode == code, call.stderr
    return call


@pytest.mark.parametrize("name", ["llama", "gemma3", "olmoe"])
def test_greedy_tokens_are_those_of_transformers(name: str, engine: Path) -> None:
    hf = GOLDEN / name / "hf"
    prompt = "the quick brown fox"
    found = json.loads(ran(engine, "generate", hf, prompt, "--count", 12, "--json").stdout)
    tokenizer = transformers.AutoTokenizer.from_pretrained(hf)
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    model = transformers.AutoModelForCausalLM.from_pretrained(hf, dtype=torch.float32)
    expected = []
    with torch.no_grad():
        for _ in range(12):
            row = torch.cat([ids, torch.tensor([expected], dtype=torch.long)], dim=1)
            expected.append(model(row).logits[0, -1].argmax().item())
    assert found["tokens"] == expected
    assert found["text"] == tokenizer.decode(expected)
    numbers = ",".join(map(str, ids[0].tolist()))
    again = ran(engine, "generate", hf, "--tokens", numbers, "--count", 12).stdout
    assert again.split() == [str(token) for token in expected]


def test_a_seed_draws_the_same_tokens(engine: Path) -> None:
    hf = GOLDEN / "llama/hf"
    command = ["generate", hf, "--tokens", "1 2 3", "--count", 20, "--temperature", "1.5"]
    first, second = (ran(engine, *command, "--seed", 3).stdout for _ in range(2))
    assert first == second
    assert ran(engine, *command, "--seed", 4).stdout != first


def test_formats_of_one_model_compare_equal(engine: Path) -> None:
    for name in ("qwen3", "gemma2"):
        paths = [GOLDEN / name / "hf", GOLDEN / name / "megatron"]
        found = json.loads(ran(engine, "compare", *paths, "--json").stdout)
        assert found["ok"] and found["difference"] == 0
        assert found["same_greedy"] == found["tokens"] == 128


def test_two_models_differ(engine: Path) -> None:
    paths = [GOLDEN / name / "hf" for name in ("llama", "mistral")]
    assert "beyond the tolerance" in ran(engine, "compare", *paths, code=4).stdout
    ran(engine, "compare", *paths, "--tolerance", "100")


def test_the_reference_is_transformers(engine: Path, tmp_path: Path) -> None:
    for name in ("llama", "gemma3"):
        a, b = GOLDEN / name / "megatron", GOLDEN / name / "hf"
        command = ["compare", a, b, "--reference", "transformers", "--json"]
        found = json.loads(ran(engine, *command).stdout)
        assert found["ok"] and found["difference"] <= 1e-5 * found["largest"]
        assert found["same_greedy"] == found["tokens"] == 128
    changed = tmp_path / "changed"
    model = transformers.AutoModelForCausalLM.from_pretrained(b, dtype=torch.float32)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 5] += 0.5
    model.save_pretrained(changed)
    ran(engine, "compare", a, changed, "--reference", "transformers", code=4)


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["generate", GOLDEN / "llama/hf"], 2, "give a PROMPT, or --tokens"),
        (["generate", GOLDEN / "llama/hf", "--tokens", "1,x"], 2, "are not numbers"),
        (["generate", GOLDEN / "llama/hf", "--tokens", "9999"], 2, "outside of the model's 259"),
        (["generate", GOLDEN / "llama/hf", "--tokens", ",".join(["1"] * 513)], 2, "512 positions"),
        (["compare", *[GOLDEN / "llama/hf"] * 2, "--length", "600"], 2, "512 positions"),
        (["generate", GOLDEN / "absent", "x"], 2, "does not exist"),
        (["generate", GOLDEN / "llama/hf", "x", "--temperature", "hot"], 2, "takes a number from 0 on"),
        (["compare", GOLDEN / "llama/hf", GOLDEN / "llama_tp2/hf"], 4, "vocabulary"),
        (
            ["compare", *[GOLDEN / "llama" / kind for kind in ("hf", "megatron")],
             "--reference", "transformers"],
            2, "export it first",
        ),
        (
            ["compare", *[GOLDEN / name / "hf" for name in ("llama", "llama_tp2")],
             "--reference", "transformers"],
            4, "its vocabulary is another",
        ),
    ],
)
def test_mistakes(words: list, code: int, said: str, engine: Path) -> None:
    assert said in ran(engine, *words, code=code).stderr


def test_verbs_of_bascule_are_named_as_such(engine: Path) -> None:
    call = ran(engine, "data", "list", code=2)
    assert 'data is a verb of bascule, not of this program; run "bascule data"' in call.stderr
