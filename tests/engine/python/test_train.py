"""`bascule-engine train` on toys: what resumes is bit for bit what never stopped, and exports."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
import yaml
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from conftest import HF, ROOT, one_thread
from test_bad_days import write_dataset

STEPS = 10


def data(root: Path, step: int = STEPS) -> dict[str, bytes]:
    """Weights, masters and moments, and the counters, as files."""
    folder = root / f"iter_{step:07}"
    names = ["__0_0.distcp", "__0_1.distcp", ".metadata", "common.pt", "train_state.pt"]
    return {name: (folder / name).read_bytes() for name in names}


def losses(root: Path) -> list[float]:
    rows = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


PRECISIONS = ["mixed_precision=null", "mixed_precision=bf16_mixed"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_resumes_bit_for_bit(precision: str, train, tmp_path: Path) -> None:
    train("straight", precision)
    for stop in (1, 4, 7):
        name = f"stopped{stop}"
        first = train(name, precision, f"train.exit_interval={stop}")
        assert f"done: step {stop} of {STEPS}, stopped by train.exit_interval" in first.stdout
        second = train(name, precision, f"checkpoint.save_interval={stop}")
        assert f"resumed {tmp_path / name}/iter_{stop:07} at step {stop}" in second.stdout
        assert data(tmp_path / name) == data(tmp_path / "straight")
        assert losses(tmp_path / name) == losses(tmp_path / "straight")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_recompute_changes_no_bit(precision: str, train, tmp_path: Path) -> None:
    train("kept", precision)
    full = ["model.recompute_granularity=full", "model.recompute_method=uniform"]
    train("again", precision, *full, "model.recompute_num_layers=1")
    assert data(tmp_path / "again") == data(tmp_path / "kept")


def test_micro_batches_give_one_loss(train, tmp_path: Path) -> None:
    """fp32 sums in another order, and Adam divides by the root of small second moments."""
    for micro in (1, 2, 4):
        train(f"micro{micro}", f"train.micro_batch_size={micro}")
    expected = losses(tmp_path / "micro4")
    assert len(expected) == STEPS
    for micro in (1, 2):
        found = losses(tmp_path / f"micro{micro}")
        assert found[0] == pytest.approx(expected[0], rel=1e-6)
        assert found == pytest.approx(expected, rel=1e-5)


def test_learns(train, tmp_path: Path) -> None:
    train("run", "train.train_iters=30", "scheduler.lr_decay_iters=30")
    found = losses(tmp_path / "run")
    assert sum(found[-5:]) < 0.9 * sum(found[:5])


def test_random_weights_do_not_depend_on_the_run(train, tmp_path: Path) -> None:
    model = [
        "model.family=llama", "model.num_layers=2", "model.hidden_size=32",
        "model.ffn_hidden_size=48", "model.num_attention_heads=4", "model.vocab_size=64",
        "model.normalization=RMSNorm", "model.gated_linear_unit=true",
        "model.activation_func=torch.nn.functional.silu", "model.add_bias_linear=false",
        "model.share_embeddings_and_output_weights=false", "model.position_embedding_type=rope",
        "model.max_position_embeddings=64", "model.layernorm_epsilon=1.0e-5",
    ]  # fmt: skip
    train("one", *model)
    train("two", *model)
    train("other", *model, "rng.seed=7")
    assert data(tmp_path / "one") == data(tmp_path / "two")
    assert losses(tmp_path / "one")[0] != losses(tmp_path / "other")[0]


def test_exports_what_it_trained(train, engine: Path, tmp_path: Path) -> None:
    train("run")
    exported = tmp_path / "exported"
    bascule = engine / "bascule"
    command = [bascule, "export", tmp_path / "run", exported]
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=60)
    assert (exported / "tokenizer.json").read_bytes() == (HF / "tokenizer.json").read_bytes()
    model = transformers.AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32)
    original = transformers.AutoModelForCausalLM.from_pretrained(HF, dtype=torch.float32)
    trained = dict(model.named_parameters())
    for name, before in original.named_parameters():
        assert not torch.equal(trained[name], before), name
    # The same tokens give the loss that training reported for the step to come.
    again = train("run", "train.train_iters=11", "scheduler.override_opt_param_scheduler=true")
    assert "resumed" in again.stdout
    assert subprocess.run(
        [str(bascule), "verify", str(tmp_path / "run/iter_0000010"), str(exported)],
        capture_output=True, timeout=60,
    ).returncode == 0  # fmt: skip


def test_documents_do_not_see_each_other(train, tmp_path: Path) -> None:
    """Eight equal documents in a sequence train as one alone does; more so than when they see."""
    end, length = 9, 4
    write_dataset(tmp_path / "data", np.tile([5, 7, 200, end], 2000))
    settings = [
        f"dataset.blend={tmp_path / 'data'}", "validation.eval_iters=0", f"tokenizer.eod_id={end}",
    ]  # fmt: skip
    reset = ["dataset.reset_attention_mask=true", "dataset.reset_position_ids=true"]
    train("alone", *settings, f"model.seq_length={length}")
    train("apart", *settings, *reset)
    train("seeing", *settings, "dataset.reset_position_ids=true")
    alone, apart, seeing = (losses(tmp_path / name) for name in ("alone", "apart", "seeing"))
    assert apart == pytest.approx(alone, rel=1e-5)
    assert seeing[0] != pytest.approx(alone[0], rel=1e-3)
    train("stopped", *settings, *reset, "train.exit_interval=3")
    train("stopped", *settings, *reset)
    assert data(tmp_path / "stopped") == data(tmp_path / "apart")


def test_tensorboard_reads_its_events(train, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    train(
        "run", f"logger.tensorboard_dir={folder}", "logger.log_throughput_to_tensorboard=true",
        "logger.log_validation_ppl_to_tensorboard=true", "logger.log_params_norm=true",
        "optimizer.log_num_zeros_in_grad=true",
    )  # fmt: skip
    (file,) = folder.iterdir()
    found: dict[str, list[tuple[int, float]]] = {}
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            number = value.tensor.float_val[0] if value.HasField("tensor") else value.simple_value
            found.setdefault(value.tag, []).append((event.step, number))
    assert [step for step, _ in found["lm loss"]] == list(range(1, STEPS + 1))
    expected = losses(tmp_path / "run")
    assert [value for _, value in found["lm loss"]] == pytest.approx(expected, rel=1e-6)
    assert [step for step, _ in found["lm loss validation"]] == [4, 8, 10]
    assert {
        "learning-rate", "grad-norm", "batch-size", "throughput/tflops", "params-norm", "num-zeros",
    } <= set(found)  # fmt: skip


def test_finished_run_is_said_in_one_line(train, tmp_path: Path) -> None:
    train("run")
    before = data(tmp_path / "run")
    call = train("run")
    (line,) = call.stdout.splitlines()
    assert line.startswith("nothing to do: 10 of 10 steps are done (resumed ")
    assert str(tmp_path / "run/iter_0000010") in line
    assert call.stderr == ""
    outcome = json.loads(train("run", "--json").stdout)
    assert outcome["step"] == 10 and outcome["loss"] is None
    assert json.loads(train("run", "train.train_iters=11", "--json").stdout)["loss"] > 0
    assert data(tmp_path / "run") == before


def test_dry_run_is_one_json_object(train, engine: Path) -> None:
    settings = ["optimizer.lr=2.0e-3", "--dry-run"]
    found = json.loads(train("run", *settings, "--json").stdout)
    assert found["ok"] is True and found["recipe"].endswith("toy.yaml")
    assert found["settings"]["optimizer.lr"] == {"value": 0.002, "from": "override"}
    shown = yaml.safe_load(train("run", *settings).stdout)
    for path, setting in found["settings"].items():
        value = shown
        for key in path.split(".", 1):
            value = value[key]
        assert setting["value"] == value, path
    assert sum(len(group) if isinstance(group, dict) else 1 for group in shown.values()) == len(
        found["settings"]
    )
    command = [engine / "bascule-engine", "train", "smollm2_135m", "--dry-run", "--json"]
    (first, *costs) = json.loads(subprocess.check_output(command))["costs"]
    assert first.startswith("134515008 parameters") and len(costs) == 3


def test_keeps_the_last(train, tmp_path: Path) -> None:
    train("run", "checkpoint.save_interval=2", "checkpoint.most_recent_k=2")
    found = sorted(path.name for path in (tmp_path / "run").glob("iter_*"))
    assert found == ["iter_0000008", "iter_0000010"]


@pytest.mark.parametrize(
    "settings, code, words",
    [
        (["optimizer.lrr=1"], 2, ["optimizer.lrr", "optimizer.lr"]),
        (["train.micro_batch_size=3"], 2, ["micro_batch_size", "3", "4"]),
        (["model.seq_length=4096"], 2, ["512", "4096"]),
        (["checkpoint.load=absent", "checkpoint.exit_on_missing_checkpoint=true"], 2, ["absent"]),
        (["dataset.blend=absent"], 6, ["absent"]),
        (["dataset.blend=null", "dataset.split=foo"], 2, ["split", "foo"]),
    ],
)
def test_bad_settings(settings: list[str], code: int, words: list[str], train) -> None:
    errors = train(None, *settings, code=code).stderr
    for word in words:
        assert word in errors


@pytest.mark.parametrize(
    "setting, code, words",
    [
        ("model.kv_channels=15", 5, ["pairs", "15", "model.kv_channels"]),
        ("model.vocab_size=2147483647", 6, ["memory is full", "--dry-run"]),
    ],
)
def test_models_that_cannot_be_are_refused(
    setting: str, code: int, words: list[str], engine: Path
) -> None:
    small = [
        "model.num_layers=1", "model.hidden_size=64", "model.ffn_hidden_size=64",
        "model.num_attention_heads=4", "model.num_query_groups=2", "model.seq_length=16",
        "train.global_batch_size=2", "train.train_iters=1", "validation.eval_iters=0",
    ]  # fmt: skip
    command = [engine / "bascule-engine", "train", "smollm2_135m", *small, setting]
    limit = 40 << 30  # bytes of addresses: what is asked for fails at once
    call = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=one_thread(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert call.returncode == code, call.stderr
    for word in words:
        assert word in call.stderr


@pytest.mark.parametrize(
    "key, value, word",
    [
        ("max_lr", "fast", "a str where a float belongs"),
        ("min_lr", 1.0, "the least learning rate is 1, above the peak"),
        ("max_lr", float("nan"), "nan is in the schedule"),
        ("end_wd", -0.5, "-0.5 is in the schedule"),
        ("lr_decay_steps", 8, "the decay has 8 steps, and the warmup 8"),
        ("lr_decay_steps", 9.5, "a float where a int belongs"),
        ("lr_decay_style", "zigzag", '"zigzag" is unknown'),
        ("wd_incr_style", 3, "a int where a str belongs"),
        ("num_steps", -4, "the schedule has made -4 steps"),
        ("num_steps", 4.0, "num_steps: a float where a int belongs"),
    ],
)
def test_a_schedule_that_is_none_is_refused(
    key: str, value: object, word: str, train, tmp_path: Path
) -> None:
    train("run", "train.exit_interval=1")
    file = tmp_path / "run/iter_0000001/common.pt"
    state = torch.load(file, weights_only=True)
    state["opt_param_scheduler"][key] = value
    torch.save(state, file)
    use = "scheduler.use_checkpoint_opt_param_scheduler=true"
    errors = train("run", use, code=3).stderr
    assert str(file) in errors and word in errors


def test_another_model_than_the_one_begun_with_is_refused(train, tmp_path: Path) -> None:
    train("run")
    before = data(tmp_path / "run")
    other = f"checkpoint.pretrained_checkpoint={ROOT / 'tests/golden/qwen2/hf'}"
    for steps in (10, 12):
        call = train("run", other, f"train.train_iters={steps}", code=4)
        assert "checkpoint.pretrained_checkpoint" in call.stderr and "qwen2" in call.stderr
    assert data(tmp_path / "run") == before
    assert not (tmp_path / "run/iter_0000012").exists()


def test_a_finished_run_is_evaluated(train, tmp_path: Path) -> None:
    train("run")
    call = train("run", "validation.skip_train=true")
    for split in ("validation", "test"):
        assert f" {split} loss at iteration 10 | lm loss value: " in call.stdout


def test_metrics_do_not_replace_another_file(train, tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_text("my thesis\nchapter 1\n")
    call = train(None, f"logger.metrics_path={path}", code=2)
    assert "thesis.txt" in call.stderr and "name another file" in call.stderr
    assert path.read_text() == "my thesis\nchapter 1\n"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')  # a run that was killed
    train(None, f"logger.metrics_path={path}", "train.train_iters=1", "scheduler.lr_decay_iters=1")
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 1, 1]


def test_another_model_is_refused(train, tmp_path: Path) -> None:
    train("run", "train.exit_interval=1")
    other = ["model.family=llama", "model.num_layers=2", "model.hidden_size=32",
             "model.num_attention_heads=4", "model.vocab_size=64", "model.normalization=RMSNorm",
             "model.gated_linear_unit=true", "model.activation_func=torch.nn.functional.silu",
             "model.add_bias_linear=false", "model.position_embedding_type=rope"]  # fmt: skip
    errors = train("run", *other, code=4).stderr
    assert "another model" in errors and "3 layers of width 96" in errors


@pytest.mark.parametrize("start", ["load", "pretrained_checkpoint"])
def test_settings_of_another_computation_are_refused(start: str, train, tmp_path: Path) -> None:
    model = [
        "model.family=llama", "model.num_layers=2", "model.hidden_size=32",
        "model.num_attention_heads=4", "model.vocab_size=64",
        "model.normalization=RMSNorm", "model.gated_linear_unit=true",
        "model.activation_func=torch.nn.functional.silu", "model.add_bias_linear=false",
        "model.position_embedding_type=rope", "model.max_position_embeddings=64",
    ]  # fmt: skip
    own = {
        "ffn_hidden_size": 48, "kv_channels": 8, "layernorm_epsilon": 1e-5, "rotary_base": 10000.0,
        "share_embeddings_and_output_weights": "false",
    }  # fmt: skip
    said = [f"model.{key}={value}" for key, value in own.items()]
    train("run", *model, *said, "train.exit_interval=1")
    other = {
        "ffn_hidden_size": 64, "kv_channels": 16, "layernorm_epsilon": 1e-6, "rotary_base": 5e5,
        "share_embeddings_and_output_weights": "true",
    }  # fmt: skip
    for key, value in other.items():
        words = [f"model.{name}={given}" for name, given in (own | {key: value}).items()]
        if start == "load":
            errors = train("run", *model, *words, code=4).stderr
        else:
            words.append(f"checkpoint.pretrained_checkpoint={tmp_path / 'run'}")
            errors = train(None, *model, *words, code=4).stderr
        assert "another model" in errors and f"model.{key} is" in errors, errors


def test_sigterm_saves_and_resumes_bit_for_bit(train, tmp_path: Path) -> None:
    train("straight", "train.train_iters=400", "scheduler.lr_decay_iters=400")
    settings = [
        "train.exit_signal_handler=true", "train.train_iters=400", "scheduler.lr_decay_iters=400",
    ]  # fmt: skip
    root = tmp_path / "stopped"
    process = subprocess.Popen(
        train.command("stopped", *settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=one_thread(), cwd=ROOT,
    )  # fmt: skip
    while not (root / "metrics.jsonl").exists() or len(losses(root)) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "stopped by SIGTERM; the same command goes on from there" in out
    assert "saved " in out
    assert "resumed " in train("stopped", *settings).stdout
    assert data(root, 400) == data(tmp_path / "straight", 400)


def saved_step(root: Path) -> int:
    tracker = root / "latest_checkpointed_iteration.txt"
    return int(tracker.read_text()) if tracker.exists() else 0


def test_killed_runs_end_with_the_same_weights(train, tmp_path: Path) -> None:
    """Every other one is killed while it starts, most of the rest after steps of their own."""
    train("straight", "checkpoint.save_interval=1")
    chance = random.Random(3)
    environment = one_thread()
    kills = int(os.environ.get("KILLS", "10"))
    root = tmp_path / "killed"
    in_steps = 0
    for kill in range(kills):
        before = saved_step(root)
        command = train.command("killed", "checkpoint.save_interval=1")
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT
        )
        if kill % 2 == 0:
            time.sleep(chance.uniform(0.3, 1.2))
        else:
            while saved_step(root) == before and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        ended = process.wait()
        for folder in root.glob("iter_*"):  # whatever has its name is whole
            assert (folder / "bascule/manifest.json").exists()
        if ended == -signal.SIGKILL:
            in_steps += saved_step(root) > before
            continue
        assert ended == 0  # before it was killed: the next one begins anew
        assert data(root) == data(tmp_path / "straight")
        shutil.rmtree(root)
    assert in_steps >= min(1, kills)
    train("killed", "checkpoint.save_interval=1")
    assert data(root) == data(tmp_path / "straight")
    assert not list(root.glob(".*partial*"))
