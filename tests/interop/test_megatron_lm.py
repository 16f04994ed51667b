"""Checkpoints as plain Megatron-LM leaves them, whose arguments in common.pt say what the model is:
saved by the real Megatron-Core, read by bascule, computed by transformers.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from oracle import jobs
from oracle.megatron_lm import NEWER, TOYS

TOLERANCE = 1e-4
# name: a toy, and what its arguments say that the model is not.
WRONG = [
    ("interleaved", "llama", {"rotary_interleaved": True}),
    ("rows", "llama", {"padded_vocab_size": 256}),
]
every_toy = pytest.mark.parametrize("toy", sorted(TOYS))


@dataclass
class Saved:
    """Checkpoints in work/TOY, exports in work/TOY.hf; logits of both sides beside them."""

    work: Path
    binary: Path
    peers: dict[str, dict]
    plain: dict[str, dict]

    def bascule(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, *arguments], capture_output=True, text=True, cwd=self.work, timeout=300
        )


@pytest.fixture(scope="module")
def saved(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    work = tmp_path_factory.mktemp("megatron_lm")
    save = [
        {
            "id": name,
            "action": "save",
            "toy": toy,
            "root": str(work / name),
            "reference": str(work / f"{name}.reference.pt"),
            # Of both times: what its arguments are called changed with 0.16.
            "newer": toy == "qwen3_moe",
            "told": told,
        }
        for name, toy, told in [*((toy, toy, {}) for toy in TOYS), *WRONG]
    ]
    result = Saved(work, binary, jobs.run("megatron_lm", save), {})
    for toy in TOYS:
        result.bascule("export", toy, f"{toy}.hf", "--family", toy)
    logits = [
        {
            "id": toy,
            "action": "logits",
            "hf": str(work / f"{toy}.hf"),
            "out": str(work / f"{toy}.exported.pt"),
        }
        for toy in TOYS
    ]
    result.plain = jobs.run("plain", logits)
    return result


def done(result: dict) -> None:
    if "error" in result:
        pytest.fail(result["error"], pytrace=False)


@every_toy
def test_transformers_computes_what_megatron_does(toy: str, saved: Saved) -> None:
    done(saved.peers[toy])
    done(saved.plain[toy])
    expected, found = (
        torch.load(saved.work / f"{toy}.{which}.pt") for which in ("reference", "exported")
    )
    assert torch.equal(expected["ids"], found["ids"])
    assert (expected["logits"] - found["logits"]).abs().max().item() <= TOLERANCE


@every_toy
def test_verify_compares_it_with_the_model(toy: str, saved: Saved) -> None:
    """Which says the family that the arguments leave open."""
    run = saved.bascule("verify", f"{toy}.hf", toy)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("equal: ")


@every_toy
def test_inspect_lists_its_tensors(toy: str, saved: Saved) -> None:
    run = saved.bascule("inspect", toy, "--tensors", "--family", toy)
    assert run.returncode == 0, run.stderr
    assert "embedding.word_embeddings.weight" in run.stdout
    assert "described by Megatron-LM's args in common.pt" in run.stdout


def test_several_families_fit_a_llama(saved: Saved) -> None:
    run = saved.bascule("export", "llama", "out")
    assert run.returncode == 5
    assert "common.pt does not say which family this model is of" in run.stderr
    assert "--family, one of: llama, mistral" in run.stderr


def test_an_unknown_argument_is_refused_by_name(saved: Saved) -> None:
    done(saved.peers["interleaved"])
    run = saved.bascule("inspect", "interleaved", "--family", "llama")
    assert run.returncode == 5
    assert "iter_0000010/common.pt: args.rotary_interleaved is true" in run.stderr


def test_rows_that_the_arguments_do_not_explain_are_refused(saved: Saved) -> None:
    done(saved.peers["rows"])
    run = saved.bascule("inspect", "rows", "--family", "llama")
    assert run.returncode == 4
    assert "args.padded_vocab_size asks for 256 rows, but embedding.word_embeddings" in run.stderr


def test_the_names_of_both_times_are_read(saved: Saved) -> None:
    older, newer = (set(saved.peers[toy]["arguments"]) for toy in ("llama", "qwen3_moe"))
    assert set(NEWER) == older - newer
    assert set(NEWER.values()) == newer - older - {"moe_token_dispatcher_type"}
