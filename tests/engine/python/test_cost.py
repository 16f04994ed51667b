"""What a run costs: memory predicted and measured, and a trace of chosen steps."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, one_thread

# A layer or two of published models: large enough that sizes, not rounding, decide.
SHAPES = [
    "smollm2_135m model.num_layers=3 model.seq_length=512 model.vocab_size=9000",
    "smollm2_135m model.num_layers=3 model.seq_length=512 model.vocab_size=9000 mixed_precision=bf16_mixed",
    "smollm2_135m model.num_layers=3 model.seq_length=128 model.vocab_size=9000 "
    "mixed_precision=bf16_mixed",
    "smollm2_135m model.num_layers=4 model.seq_length=512 model.vocab_size=2000 train.micro_batch_size=2 "
    "model.recompute_granularity=full model.recompute_method=uniform model.recompute_num_layers=2",
    "gemma2_2b model.num_layers=2 model.seq_length=128 model.vocab_size=2000",  # windows, soft caps
    "gemma3_1b model.num_layers=2 model.seq_length=256 model.vocab_size=2000",  # norms of q and k
    "qwen2_500m model.num_layers=2 model.seq_length=256 model.vocab_size=9000 "
    "mixed_precision=bf16_mixed",  # biases
    "smollm2_135m model.num_layers=2 model.seq_length=512 model.vocab_size=2000 "
    "dataset.reset_attention_mask=true tokenizer.eod_id=3",  # a mask a sequence
    "olmoe_7b model.num_layers=1 model.seq_length=512 model.vocab_size=2000 model.num_moe_experts=8 "
    "mixed_precision=bf16_mixed",
    "qwen3_30b_a3b model.num_layers=1 model.seq_length=128 model.vocab_size=2000 model.num_moe_experts=16 "
    "model.recompute_granularity=full model.recompute_method=uniform model.recompute_num_layers=1",
]
RULES = [
    "train.train_iters=1", "train.global_batch_size=2", "scheduler.lr_warmup_iters=0",
    "validation.eval_iters=0",
]


def train(engine: Path, folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess:
    call = subprocess.run(
        [engine / "bascule-engine", "train", *words],
        capture_output=True, text=True, timeout=300, env=one_thread(), cwd=folder,
    )
    assert call.returncode == code, call.stderr
    return call


@pytest.mark.parametrize("shape", SHAPES)
def test_peak_memory_is_known_before_the_run(shape: str, engine: Path, tmp_path: Path) -> None:
    words = [*shape.split(), *RULES]
    if "train.micro_batch_size" not in shape:
        words.append("train.micro_batch_size=1")
    told = train(engine, tmp_path, *words, "--dry-run").stdout
    predicted = 1e9 * float(re.search(r"# at most ([\d.]+) GB at its peak, on the CPU", told)[1])
    saved = ["checkpoint.save=run", "checkpoint.load=run", "logger.log_params_norm=true"]
    train(engine, tmp_path, *words, *saved, "logger.metrics_path=metrics.jsonl")
    resumed = ["train.train_iters=2", "scheduler.override_opt_param_scheduler=true"]
    train(engine, tmp_path, *words, *saved, *resumed, "logger.metrics_path=resumed.jsonl")
    for file in ("metrics.jsonl", "resumed.jsonl"):
        rows = (tmp_path / file).read_text().splitlines()
        measured = json.loads(rows[-1])["peak_memory_bytes"]
        assert measured <= predicted <= 1.02 * measured, (file, predicted, measured)


BARE = """
optimizer: {lr: 1.0e-3, min_lr: 0}
scheduler: {lr_decay_style: constant}
dataset: {split: "9999,8,2"}
model: {seq_length: 512}
"""


def costs(engine: Path, folder: Path, *words: str) -> list[str]:
    return json.loads(train(engine, folder, *words, "--dry-run", "--json").stdout)["costs"]


def test_costs_of_a_model_that_a_checkpoint_says(engine: Path, tmp_path: Path) -> None:
    """They are those of the recipe that made it, and true of the run."""
    rules = [*RULES, "train.micro_batch_size=1", "model.seq_length=512", "mixed_precision=bf16_mixed"]
    made = ["smollm2_135m", "model.num_layers=3", "model.vocab_size=9000", *rules]
    expected = costs(engine, tmp_path, *made)
    assert len(expected) == 4 and " parameters, " in expected[0], expected
    train(engine, tmp_path, *made, "checkpoint.save=run")
    subprocess.run([engine / "bascule", "export", "run", "hf"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "bare.yaml").write_text(BARE)
    bare = ["./bare.yaml", *rules]
    for begin in ("pretrained_checkpoint=hf", "pretrained_checkpoint=run", "load=run"):
        assert costs(engine, tmp_path, *bare, f"checkpoint.{begin}") == expected, begin

    predicted = 1e9 * float(re.search(r"at most ([\d.]+) GB", expected[3])[1])
    for model in ("hf", "run"):
        words = [f"checkpoint.pretrained_checkpoint={model}", f"logger.metrics_path={model}.jsonl"]
        train(engine, tmp_path, *bare, *words)
        (row,) = (tmp_path / f"{model}.jsonl").read_text().splitlines()
        measured = json.loads(row)["peak_memory_bytes"]
        assert measured <= predicted <= 1.02 * measured, (model, predicted, measured)


def test_costs_that_are_not_known_yet(engine: Path, tmp_path: Path) -> None:
    (tmp_path / "bare.yaml").write_text(BARE)
    bare = ["./bare.yaml", *RULES, "train.micro_batch_size=1"]
    (line,) = costs(engine, tmp_path, *bare, "checkpoint.pretrained_checkpoint=./absent")
    assert line.startswith("parameters and costs are not known: ") and "absent" in line
    (line,) = costs(engine, tmp_path, *bare, "checkpoint.load=absent")
    assert "the settings say no model" in line


def test_a_run_on_a_cpu_takes_no_libraries_of_gpus(engine: Path, tmp_path: Path) -> None:
    log = tmp_path / "libraries"
    words = [*SHAPES[0].split(), *RULES, "train.micro_batch_size=1"]
    environment = one_thread() | {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(log), "BASCULE_DEVICE": "cpu"}
    call = subprocess.run(
        [engine / "bascule-engine", "train", *words], env=environment, cwd=tmp_path, capture_output=True, timeout=300
    )
    assert call.returncode == 0, call.stderr
    loaded = "".join(path.read_text() for path in tmp_path.glob("libraries.*"))
    assert "libtorch_cpu.so" in loaded
    assert "libtorch_cuda.so" not in loaded and "libcudnn" not in loaded


TOY = [
    f"checkpoint.pretrained_checkpoint={ROOT / 'tests/golden/llama/hf'}", "model.seq_length=32",
    "train.micro_batch_size=1", "train.global_batch_size=2", "train.train_iters=5", "optimizer.lr=1e-3",
    "scheduler.lr_warmup_iters=1", "validation.eval_iters=0", "dataset.split='9999,8,2'",
    "scheduler.lr_decay_style=constant", "optimizer.min_lr=0",
]


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "toy.yaml"
    path.write_text("train: {train_iters: 5}\n")
    return str(path)


@pytest.mark.parametrize("end", [3, 9])  # 9: the run ends first
def test_chosen_steps_are_traced(end: int, recipe: str, engine: Path, tmp_path: Path) -> None:
    train(
        engine, tmp_path, recipe, *TOY, "profiling.use_pytorch_profiler=true",
        "profiling.profile_step_start=1", f"profiling.profile_step_end={end}",
        f"logger.tensorboard_dir={tmp_path / 'board'}",
    )
    trace = json.loads((tmp_path / "board" / f"steps_1_{end}.pt.trace.json").read_text())
    marks = [e["name"] for e in trace["traceEvents"] if e.get("cat") == "user_annotation"]
    steps = min(end, 5) - 1
    assert marks.count("step") == marks.count("update") == steps
    # Two micro-batches a step.
    assert marks.count("layers.0 forward") == marks.count("layers.1 backward") == 2 * steps
    assert any(e.get("cat") == "cpu_op" and "mm" in e["name"] for e in trace["traceEvents"])


def test_profiles_that_cannot_be(recipe: str, engine: Path, tmp_path: Path) -> None:
    both = ["profiling.use_pytorch_profiler=true", "profiling.nvtx_ranges=true"]
    call = train(engine, tmp_path, recipe, *TOY, *both, code=2)
    assert "one profiler can watch at a time" in call.stderr
    call = train(engine, tmp_path, recipe, *TOY, both[1], code=2)
    assert "nvtx_ranges is for runs on a GPU" in call.stderr
