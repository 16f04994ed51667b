"""Saves beside training, Hugging Face directories beside saves, and what travels into checkpoints."""

import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from conftest import HF, ROOT, one_thread
from test_bad_days import VOCABULARY, write_dataset
from test_train import PRECISIONS, STEPS, data, losses

ASYNC = "checkpoint.async_save=true"
EVERY_THIRD = "checkpoint.save_interval=3"


@pytest.fixture(scope="session")
def slow_disk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which every sync of a file takes a fifth of a second."""
    library = tmp_path_factory.mktemp("preload") / "slow_disk.so"
    source = Path(__file__).with_name("slow_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return one_thread() | {"LD_PRELOAD": str(library), "BASCULE_SYNC_MS": "200"}


def begin(command: list[str], env: dict[str, str]) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=env, cwd=ROOT)


def wait_for(process: subprocess.Popen, what: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


def unfinished(root: Path) -> set[tuple[str, int]]:
    """Directories of saves that go on, or that were killed; an inode tells the two apart."""
    found = set()
    for path in root.glob(".iter_*.partial-*"):
        with contextlib.suppress(FileNotFoundError):  # it may end meanwhile
            found.add((path.name, path.stat().st_ino))
    return found


def under_way(root: Path, but: frozenset | set = frozenset()) -> bool:
    return bool(unfinished(root) - but)


def passes(*command: str | Path) -> None:
    call = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert call.returncode == 0, call.stdout + call.stderr


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_save_beside_training_gives_the_same_bytes(precision: str, train, tmp_path: Path) -> None:
    train("waits", precision, EVERY_THIRD)
    call = train("goes_on", precision, EVERY_THIRD, ASYNC)
    assert call.stdout.count("\nsaved ") == 4
    for step in (3, 6, 9, STEPS):
        assert data(tmp_path / "goes_on", step) == data(tmp_path / "waits", step)
    assert losses(tmp_path / "goes_on") == losses(tmp_path / "waits")
    assert (tmp_path / "goes_on/latest_checkpointed_iteration.txt").read_text() == str(STEPS)


def test_training_goes_on_while_it_saves(train, slow_disk: dict[str, str], tmp_path: Path) -> None:
    """One save at a time: the next one that is due waits for the one that is under way."""
    train("waits", EVERY_THIRD)
    root = tmp_path / "goes_on"
    process = begin(train.command("goes_on", EVERY_THIRD, ASYNC), slow_disk)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    lines = out.splitlines()

    def said(text: str) -> int:
        (found,) = [i for i, line in enumerate(lines) if text in line]
        return found

    saves = [said(f"saved {root}/iter_{step:07}") for step in (3, 6, 9, STEPS)]
    assert saves == sorted(saves)
    # A slow save is not waited for before the next one is due, and then it is.
    assert said("iteration        6/") < saves[0] < said("iteration        7/")
    assert said("iteration        9/") < saves[1] < said("iteration       10/")
    for step in (3, 6, 9, STEPS):
        assert data(root, step) == data(tmp_path / "waits", step)
    assert losses(root) == losses(tmp_path / "waits")


def test_copy_is_in_the_predicted_peak(
    engine: Path, slow_disk: dict[str, str], tmp_path: Path
) -> None:
    command = [
        str(engine / "bascule-engine"), "train", "smollm2_135m", "model.num_layers=3",
        "model.seq_length=512", "model.vocab_size=9000", "train.micro_batch_size=1",
        "train.global_batch_size=1", "train.train_iters=3", "scheduler.lr_warmup_iters=0",
        "validation.eval_iters=0", ASYNC, "checkpoint.save_interval=1",
        f"checkpoint.save={tmp_path / 'run'}", "mixed_precision=bf16_mixed",
    ]  # fmt: skip
    told = begin([*command, "--dry-run"], one_thread()).communicate(timeout=60)[0]
    predicted = 1e9 * float(re.search(r"# at most ([\d.]+) GB at its peak", told)[1])
    process = begin(command, slow_disk)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    row = json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])
    assert row["peak_memory_bytes"] <= predicted <= 1.02 * row["peak_memory_bytes"]


@pytest.mark.parametrize("more", [[], ["checkpoint.also_save_hf_checkpoint=true"]])
def test_kill_during_a_save_leaves_the_last(
    more: list[str], train, engine: Path, slow_disk: dict[str, str], tmp_path: Path
) -> None:
    train("straight")
    train("run", *more, "train.exit_interval=2")
    root = tmp_path / "run"
    before = contents(root / "iter_0000002")
    slower = slow_disk | {"BASCULE_SYNC_MS": "2000"}
    for delay in (0, 0.3, 0.8):  # into the save of step 4: it takes longer
        killed = unfinished(root)
        process = begin(train.command("run", *more, ASYNC, "checkpoint.save_interval=4"), slower)
        wait_for(process, lambda killed=killed: under_way(root, killed))
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert under_way(root, killed)
        assert [path.name for path in root.glob("iter_*")] == ["iter_0000002"]
        assert contents(root / "iter_0000002") == before
        assert (root / "latest_checkpointed_iteration.txt").read_text() == "2"
        passes(engine / "bascule", "verify", root / "iter_0000002")
    call = train("run", *more, ASYNC, "checkpoint.save_interval=4")
    assert f"resumed {root}/iter_0000002 at step 2" in call.stdout
    assert data(root) == data(tmp_path / "straight")
    assert losses(root) == losses(tmp_path / "straight")
    assert not list(root.glob(".*partial*"))


@pytest.mark.parametrize("handled", [True, False])
def test_sigterm_waits_for_the_save(
    handled: bool, train, slow_disk: dict[str, str], tmp_path: Path
) -> None:
    """With train.exit_signal_handler the run saves where it is, too; without it ends there."""
    train("straight")
    root = tmp_path / "run"
    settings = [EVERY_THIRD, ASYNC, f"train.exit_signal_handler={str(handled).lower()}"]
    process = begin(train.command("run", *settings), slow_disk)
    wait_for(process, lambda: under_way(root))
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == (0 if handled else 143), errors  # 128 + SIGTERM
    assert f"saved {root}/iter_0000003" in out
    assert ("stopped by SIGTERM" in out) == handled
    assert data(root, 3) == data_of_third(train, tmp_path)
    newest = (root / "latest_checkpointed_iteration.txt").read_text()
    assert int(newest) >= 3 if handled else newest == "3"
    assert not under_way(root)
    assert f"at step {newest}" in train("run", *settings).stdout
    assert data(root) == data(tmp_path / "straight")


def data_of_third(train, tmp_path: Path) -> dict[str, bytes]:
    train("third", "train.exit_interval=3")
    return data(tmp_path / "third", 3)


def test_failed_save_ends_the_run(train, tmp_path: Path) -> None:
    """Something is in the way of the fifth step's checkpoint: the run ends with that error."""
    root = tmp_path / "run"
    train("run", ASYNC, "train.exit_interval=4")
    before = data(root, 4)
    (root / "iter_0000005").write_text("in the way")
    call = train("run", ASYNC, "checkpoint.save_interval=1", code=2)
    assert f"{root}/iter_0000005 exists and is not a directory" in call.stderr
    assert data(root, 4) == before
    assert not under_way(root)
    (root / "iter_0000005").unlink()
    assert "at step 4" in train("run", ASYNC, "checkpoint.save_interval=1").stdout
    train("straight")
    assert data(root) == data(tmp_path / "straight")


def test_run_that_fails_ends_its_save(train, slow_disk: dict[str, str], tmp_path: Path) -> None:
    """A token beyond the vocabulary is read while a save is under way: that one becomes whole."""
    tokens = np.arange(32 * 4 * STEPS + 64) % VOCABULARY
    tokens[100] = VOCABULARY  # read in the fourth step
    blend = f"dataset.blend={write_dataset(tmp_path / 'data', tokens)}"
    settings = [blend, ASYNC, "checkpoint.save_interval=1", "validation.eval_iters=0"]
    process = begin(train.command("run", *settings), slow_disk)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 3 and "beyond the vocabulary" in errors
    root = tmp_path / "run"
    last = len(losses(root))
    assert last == 3
    assert f"saved {root}/iter_{last:07}" in out
    assert (root / "latest_checkpointed_iteration.txt").read_text() == str(last)
    assert not under_way(root)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("beside", ["true", "false"])
def test_saves_hugging_face_directories_too(
    precision: str, beside: str, train, engine: Path, tmp_path: Path
) -> None:
    also = [precision, "checkpoint.also_save_hf_checkpoint=true", f"checkpoint.async_save={beside}"]
    train("run", *also, "train.exit_interval=5")
    iteration = tmp_path / "run/iter_0000005"
    passes(engine / "bascule", "verify", iteration, iteration / "hf")
    passes(engine / "bascule", "verify", iteration)  # every byte of hf is in its manifest
    passes(engine / "bascule", "export", iteration, tmp_path / "exported")
    assert contents(iteration / "hf") == contents(tmp_path / "exported")
    model = transformers.AutoModelForCausalLM.from_pretrained(iteration / "hf", dtype=torch.float32)
    original = transformers.AutoModelForCausalLM.from_pretrained(HF, dtype=torch.float32)
    trained = dict(model.named_parameters())
    for name, before in original.named_parameters():
        assert not torch.equal(trained[name], before), name
    tokenizer = transformers.AutoTokenizer.from_pretrained(iteration / "hf")
    assert tokenizer("a b").input_ids == transformers.AutoTokenizer.from_pretrained(HF)("a b").input_ids
    manifest = json.loads((iteration / "bascule/manifest.json").read_text())
    assert {f"hf/{name}" for name in contents(iteration / "hf")} <= set(manifest["files"])
    (iteration / "hf/config.json").write_text("{}")
    broken = subprocess.run([engine / "bascule", "verify", iteration], capture_output=True, timeout=60)
    assert broken.returncode == 4 and b"hf/config.json" in broken.stdout + broken.stderr
    # Nothing of it matters to the run.
    assert "at step 5" in train("run", *also).stdout
    train("straight", precision)
    assert data(tmp_path / "run") == data(tmp_path / "straight")
    assert (tmp_path / "run/iter_0000010/hf/config.json").exists()


def test_old_checkpoints_go_and_files_travel_on(train, tmp_path: Path) -> None:
    """The tokenizer comes from the checkpoint that the run began from, which is removed meanwhile."""
    root = tmp_path / "run"
    train("run", "train.exit_interval=2")
    (root / "iter_0000002.mine").mkdir()
    train("run", "checkpoint.save_interval=2", "checkpoint.most_recent_k=1")
    assert sorted(path.name for path in root.glob("iter_*")) == ["iter_0000002.mine", "iter_0000010"]
    kept = contents(root / "iter_0000010/tokenizer")
    assert kept["tokenizer.json"] == (HF / "tokenizer.json").read_bytes()


def test_what_was_just_saved_is_kept(train, tmp_path: Path) -> None:
    """A run that goes on from an earlier step leaves the later ones of the run before it alone."""
    root = tmp_path / "run"
    train("run", "checkpoint.save_interval=2")
    again = ["checkpoint.ckpt_step=4", "train.exit_interval=6", "checkpoint.most_recent_k=1"]
    train("run", *again)
    names = sorted(path.name for path in root.glob("iter_*"))
    assert names == ["iter_0000006", "iter_0000008", "iter_0000010"]
    assert (root / "latest_checkpointed_iteration.txt").read_text() == "6"


def tokenizer(folder: Path) -> list[str]:
    """A tokenizer of the same vocabulary that is not the pretrained model's."""
    folder.mkdir()
    text = json.loads((HF / "tokenizer.json").read_text()) | {"truncation": None}
    (folder / "tokenizer.json").write_text(json.dumps(text))
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/short.jinja").write_text("{{ messages }}")
    (folder / "model.safetensors").write_text("no tokenizer")
    return ["tokenizer.tokenizer_type=HuggingFaceTokenizer", f"tokenizer.tokenizer_model={folder}"]


def test_tokenizer_travels(train, engine: Path, tmp_path: Path) -> None:
    given = tokenizer(tmp_path / "given")
    expected = contents(tmp_path / "given")
    del expected["model.safetensors"]
    train("run", *given, "train.exit_interval=2")
    assert contents(tmp_path / "run/iter_0000002/tokenizer") == expected
    for path in (tmp_path / "given").glob("tok*"):
        path.unlink()
    assert "at step 2" in train("run").stdout  # without the setting: the checkpoint's own
    assert contents(tmp_path / "run/iter_0000010/tokenizer") == expected
    exported = tmp_path / "exported"
    passes(engine / "bascule", "export", tmp_path / "run", exported)
    assert (exported / "tokenizer.json").read_bytes() == expected["tokenizer.json"]
    template = "additional_chat_templates/short.jinja"
    assert (exported / template).read_bytes() == expected[template]
    assert not (exported / "tokenizer_config.json").exists()  # that of the pretrained model
    (tmp_path / "given" / template).unlink()
    errors = train(None, *given, code=2).stderr
    assert "holds no file of a tokenizer" in errors
    absent = [given[0], f"tokenizer.tokenizer_model={tmp_path / 'absent'}"]
    assert "absent" in train(None, *absent, code=2).stderr


END = {"content": "</s>", "lstrip": False, "special": True}
PLACES = {
    "added_tokens_decoder": (
        {"tokenizer_config.json": {"eos_token": "</s>", "added_tokens_decoder": {"7": END}}}, 7),
    "token as a map": (
        {"tokenizer_config.json": {"eos_token": END, "added_tokens_decoder": {"8": END}}}, 8),
    "tokenizer.json": ({"tokenizer_config.json": {"eos_token": "</s>"}}, 257),
    "special_tokens_map.json": ({"special_tokens_map.json": {"eos_token": END}}, 257),
    "added_tokens.json": (
        {"tokenizer_config.json": {"eos_token": "<e>"}, "added_tokens.json": {"<e>": 9}}, 9),
    "config.json": ({"config.json": {"eos_token_id": 10}}, 10),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_tokenizer_ends_documents(place: str, train, tmp_path: Path) -> None:
    """Positions start again after the token: the losses are those of naming it in tokenizer.eod_id."""
    files, end = PLACES[place]
    given = tokenizer(tmp_path / "given")
    for name, text in files.items():
        (tmp_path / "given" / name).write_text(json.dumps(text))
    few = ["train.exit_interval=2", "dataset.eod_mask_loss=true"]
    train("asked", *given, *few)
    train("told", f"tokenizer.eod_id={end}", *few)
    train("other", "tokenizer.eod_id=20", *few)
    assert losses(tmp_path / "asked") == losses(tmp_path / "told")
    assert losses(tmp_path / "asked") != losses(tmp_path / "other")


UNKNOWN = {
    "no eos_token": ({}, 2, "set tokenizer.eod_id"),
    "not in the vocabulary": (
        {"tokenizer_config.json": {"eos_token": "<?>"}}, 2, "set tokenizer.eod_id"),
    "several": ({"config.json": {"eos_token_id": [1, 2]}}, 2, "set tokenizer.eod_id"),
    "no number": (
        {"tokenizer_config.json": {"eos_token": "</s>", "added_tokens_decoder": {"x": END}}},
        2, "set tokenizer.eod_id"),
    "not the model's": (
        {"tokenizer_config.json": {"eos_token": "<e>"}, "added_tokens.json": {"<e>": 259}},
        2, "documents end with token 259, but the model has 259 tokens"),
    "no JSON": ({"tokenizer_config.json": None}, 3, "tokenizer_config.json is no JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_end_of_documents(case: str, train, tmp_path: Path) -> None:
    files, code, words = UNKNOWN[case]
    given = tokenizer(tmp_path / "given")
    for name, text in files.items():
        (tmp_path / "given" / name).write_text(json.dumps(text) if text is not None else "{")
    call = train(None, *given, "dataset.eod_mask_loss=true", code=code)
    assert words in call.stderr
    assert "iteration" not in call.stdout
    train(None, *given, "train.exit_interval=1")  # nothing asks for it


def test_null_tokenizer_ends_documents(train, tmp_path: Path) -> None:
    few = ["train.exit_interval=1", "dataset.eod_mask_loss=true"]
    null = "tokenizer.tokenizer_type=NullTokenizer"
    train("asked", null, "tokenizer.vocab_size=31", *few)
    train("told", "tokenizer.eod_id=30", *few)
    assert losses(tmp_path / "asked") == losses(tmp_path / "told")
    errors = train(None, null, "tokenizer.vocab_size=300", *few, code=2).stderr
    assert "documents end with token 299" in errors


def test_settings_that_were_written_train_again(train, engine: Path, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    precision = "mixed_precision=bf16_mixed"
    train("first", precision, "optimizer.lr=2.0e-3", f"logger.save_config_filepath={path}")
    text = path.read_text()
    assert "lr: 0.002" in text and f"save: {tmp_path / 'first'}" in text
    assert text == (tmp_path / "first/iter_0000010/bascule/recipe.yaml").read_text()
    root = tmp_path / "again"
    command = [
        engine / "bascule-engine", "train", path, f"checkpoint.save={root}",
        f"checkpoint.load={root}", f"logger.save_config_filepath={tmp_path / 'again.yaml'}",
    ]  # fmt: skip
    subprocess.run(
        list(map(str, command)), check=True, capture_output=True, env=one_thread(), timeout=120
    )
    assert data(root) == data(tmp_path / "first")
    assert losses(root) == losses(tmp_path / "first")


def test_settings_that_cannot_be_written(train, tmp_path: Path) -> None:
    """It is said before the first step."""
    path = tmp_path / "absent/settings.yaml"
    call = train("run", f"logger.save_config_filepath={path}", code=6)
    assert str(tmp_path / "absent") in call.stderr
    assert "iteration" not in call.stdout
