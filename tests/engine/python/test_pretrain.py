"""`bascule.pretrain`: the engine's loop from Python, stock and with parts of the user's own."""

import re
import runpy
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from conftest import HF, ROOT, one_thread, steps_of
from test_train import PRECISIONS, data, losses

STEPS = 10


def stock_like(data_iterator, model):
    """What the stock forward step does, in the user's words."""
    batch = next(data_iterator)
    output = model(batch["tokens"], batch["position_ids"], batch["attention_mask"], batch["labels"])

    def loss_function(mask, losses):
        loss = (losses.view(-1).float() * mask.view(-1)).sum()
        return loss, mask.sum(), {"lm loss": torch.stack([loss.detach(), mask.sum()])}

    return output, partial(loss_function, batch["loss_mask"])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_stock_is_the_command_line(precision, bascule, config, train, tmp_path, capfd) -> None:
    call = train("words", precision)
    capfd.readouterr()
    outcome = bascule.pretrain(config("python", precision), bascule.training.gpt_step.forward_step)
    assert (outcome.step, outcome.steps, outcome.stopped) == (STEPS, STEPS, None)
    assert outcome.saved == str(tmp_path / f"python/iter_{STEPS:07}")
    assert data(tmp_path / "python") == data(tmp_path / "words")
    assert losses(tmp_path / "python") == losses(tmp_path / "words")
    lines = [line for line in capfd.readouterr().out.splitlines() if " iteration " in line]
    assert len(lines) == len([line for line in call.stdout.splitlines() if " iteration " in line])


def test_stock_resumes(bascule, config, tmp_path) -> None:
    bascule.pretrain(config("straight"))
    first = bascule.pretrain(config("stopped", "train.exit_interval=4"))
    assert (first.step, first.stopped) == (4, "train.exit_interval")
    second = bascule.pretrain(config("stopped"))
    assert second.begun == f"resumed {tmp_path}/stopped/iter_0000004 at step 4"
    assert data(tmp_path / "stopped") == data(tmp_path / "straight")


@pytest.mark.parametrize("family", ["llama", "qwen3_moe", "gemma2", "gemma3"])
def test_a_provider_is_its_model_and_its_weights(family, bascule, config, tmp_path) -> None:
    folder = ROOT / "tests/golden" / family / "hf"
    bascule.pretrain(config("named", model=folder))
    cfg = config("provider", model=None)
    bridge = bascule.AutoBridge.from_hf_pretrained(folder, torch_dtype=torch.float32)
    cfg.model = bridge.to_megatron_provider()
    assert (cfg.model.family, cfg.model.seq_length) == (family, 512)
    cfg.model.seq_length = 32
    bascule.pretrain(cfg)
    assert data(tmp_path / "provider") == data(tmp_path / "named")
    assert losses(tmp_path / "provider") == losses(tmp_path / "named")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_trained_weights_are_the_checkpoints(precision, bascule, config, tmp_path) -> None:
    """From the model of a run, from one made of its checkpoint, and from file to file: each byte."""
    import safetensors.torch

    bridge, last = bascule.AutoBridge.from_hf_pretrained(HF), {}

    class Keep(bascule.training.Callback):
        def on_train_end(self, context) -> None:
            last.update(bridge.export_hf_weights(context.model, cpu=True, show_progress=False))

    bascule.pretrain(config("run", precision), callbacks=[Keep()])
    bridge.export_ckpt(tmp_path / "run", tmp_path / "files", show_progress=False)
    written = (tmp_path / "files/model.safetensors").read_bytes()
    stored = safetensors.torch.load(written)
    assert stored.keys() == last.keys()
    before = safetensors.torch.load_file(HF / "model.safetensors")
    assert not torch.equal(stored["lm_head.weight"], before["lm_head.weight"])
    model = bridge.load_megatron_model(tmp_path / "run", device="cpu")
    for name, weight in bridge.export_hf_weights(model, cpu=True, show_progress=False):
        assert weight.dtype == stored[name].dtype
        assert torch.equal(weight, stored[name]), name
        assert torch.equal(last[name].to(weight.dtype), weight), name
    bridge.save_hf_pretrained(model, tmp_path / "memory", show_progress=False)
    assert (tmp_path / "memory/model.safetensors").read_bytes() == written


def test_where_a_provider_begins(bascule, config) -> None:
    bridge = bascule.AutoBridge.from_hf_pretrained(HF)
    weights, cfg = str(HF), config(None, model=None)
    cfg.model = bridge.to_megatron_provider()
    assert cfg.checkpoint.pretrained_checkpoint == weights
    for each in (cfg, cfg.copy()):
        each.checkpoint = bascule.config.CheckpointConfig(save="here")
        assert each.checkpoint.pretrained_checkpoint == weights
    cfg.model = bridge.to_megatron_provider(load_weights=False)
    assert cfg.checkpoint.pretrained_checkpoint is None
    cfg.checkpoint.pretrained_checkpoint = "others"
    cfg.model = bridge.to_megatron_provider()
    assert cfg.checkpoint.pretrained_checkpoint == "others"
    made = bascule.ConfigContainer(
        model=bridge.to_megatron_provider(), checkpoint=bascule.config.CheckpointConfig(save="here")
    )
    assert made.checkpoint.pretrained_checkpoint == weights


def test_another_model_of_a_provider(bascule, config) -> None:
    provider = bascule.AutoBridge.from_hf_pretrained(HF).to_megatron_provider(load_weights=False)
    provider.num_layers, provider.seq_length = 1, 32
    cfg = config(None, model=None)
    cfg.model = provider
    outcome = bascule.pretrain(cfg)
    assert outcome.begun == "random weights of seed 1234"
    assert (cfg.model.num_layers, cfg.model.max_position_embeddings) == (1, 512)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("attention_dropout", 0.1, "dropout is not built"),
        ("bf16", False, "mixed_precision decides it"),
        ("num_layers", 0, "accepted is an integer from 1"),
        ("softmax_type", 3.5, "accepted is a text"),
    ],
)
def test_what_a_provider_may_not_ask_of_training(name, value, words, bascule, config) -> None:
    provider = bascule.AutoBridge.from_hf_pretrained(HF).to_megatron_provider()
    setattr(provider, name, value)
    cfg = config(None, model=None)
    before = cfg.to_yaml()
    with pytest.raises(bascule.Error, match=f"model.{name} is .*{words}"):
        cfg.model = provider
    assert cfg.to_yaml() == before


def test_hooks_of_a_provider_are_refused(bascule, config) -> None:
    provider = bascule.AutoBridge.from_hf_pretrained(HF).to_megatron_provider()
    provider.register_pre_wrap_hook(lambda models: models)
    with pytest.raises(bascule.UnsupportedError, match="a callback of pretrain"):
        config(None).model = provider


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("family", ["llama", "qwen3_moe", "gemma2"])
def test_own_forward_step_is_the_stock_one_to_the_bit(
    family, precision, bascule, config, tmp_path
) -> None:
    folder = ROOT / "tests/golden" / family / "hf"
    settings = [precision, "model.moe_z_loss_coeff=0.001"] if "moe" in family else [precision]
    bascule.pretrain(config("stock", *settings, model=folder))
    bascule.pretrain(config("own", *settings, model=folder), stock_like)
    assert data(tmp_path / "own") == data(tmp_path / "stock")
    assert losses(tmp_path / "own") == losses(tmp_path / "stock")
    stock, own = (
        [row.get("reported", {}) for row in steps_of(tmp_path / name)] for name in ("stock", "own")
    )
    assert own == stock
    assert all(("z_loss" in row) == ("moe" in family) for row in stock)


def test_forward_step_by_hand(bascule, config) -> None:
    """The stock one, called as Megatron's, computes what it does in C++."""
    from bascule.training.gpt_step import forward_step

    def own(state, data_iterator, model):
        assert state.cfg.train.micro_batch_size == 2
        return forward_step(state, data_iterator, model)

    expected = bascule.pretrain(config(None))
    assert bascule.pretrain(config(None), own).loss == expected.loss


def test_main_gradients_are_the_optimizers_alone(bascule, config) -> None:
    """In a step no .grad is filled; outside of it autograd fills them as anywhere."""
    seen = []

    class Look(bascule.training.Callback):
        def on_train_step_end(self, context) -> None:
            (model,) = context.model
            assert all(each.grad is None for each in model.parameters())
            model(torch.zeros(1, 4, dtype=torch.int64)).float().sum().backward()
            seen.extend(each.grad.abs().sum().item() for each in model.parameters())
            model.zero_grad(set_to_none=True)

    looked = bascule.pretrain(config(None), stock_like, [Look()])
    assert seen
    assert all(each >= 0 for each in seen)
    assert any(each > 0 for each in seen)
    assert looked.loss == bascule.pretrain(config(None), stock_like).loss


def test_a_mean_is_a_mean_of_micro_batches(bascule, config, tmp_path) -> None:
    """Without a number of tokens, micro-batches count alike: here all have as many."""

    def mean(data_iterator, model):
        output, summed = stock_like(data_iterator, model)

        def loss_function(losses):
            loss, tokens, _ = summed(losses)
            return loss / tokens, {"lm loss": (loss / tokens).detach(), "two": torch.tensor(2.0)}

        return output, loss_function

    rows = []

    class Rows(bascule.training.Callback):
        def on_train_step_end(self, context) -> None:
            rows.append(context.loss_dict["two"].item())

    bascule.pretrain(config("mean"), mean, [Rows()])
    bascule.pretrain(config("sum"))
    assert losses(tmp_path / "mean") == pytest.approx(losses(tmp_path / "sum"), rel=1e-6)
    assert rows == [2.0] * STEPS


def test_callbacks_in_their_order(bascule, config, tmp_path) -> None:
    heard = []
    manager = bascule.training.CallbackManager()
    for event in sorted(manager.events):
        manager.register(event, lambda context, event=event: heard.append(event))
    manager.register(
        "on_checkpoint_save", lambda context: heard.append(Path(context.checkpoint_path).name)
    )
    manager.register("on_eval_end", lambda context: heard.append(context.total_loss_dict))
    cfg = config("run", "train.train_iters=2", "validation.eval_interval=1")
    bascule.pretrain(cfg, callbacks=manager)
    step = ["on_train_step_start", "on_train_step_end"]
    evaluation = ["on_eval_start", *["on_eval_step_start", "on_eval_step_end"] * 2, "on_eval_end"]
    test = [each.replace("eval", "test") for each in evaluation]
    names = [each for each in heard if isinstance(each, str)]
    assert names == [
        "on_train_start", *step, *evaluation, *step, "on_train_end",
        "on_checkpoint_save", "iter_0000002", *evaluation, *test,
    ]
    assert all(each["lm loss"].item() > 0 for each in heard if isinstance(each, dict))
    with pytest.raises(ValueError, match="no event 'on_lunch'"):
        manager.register("on_lunch", print)


def rows_of(count: int) -> list[dict[str, torch.Tensor]]:
    numbers = torch.randint(64, (count, 33), generator=torch.Generator().manual_seed(0))
    return [{"tokens": row[:-1], "labels": row[1:]} for row in numbers]


class Rows(torch.utils.data.Dataset):
    def __init__(self, count: int) -> None:
        self.rows = rows_of(count)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.rows[index]


def own_data(data_iterator, model):
    batch = next(data_iterator)
    output = model(batch["tokens"], labels=batch["labels"])
    return output, lambda each: (each.sum(), each.numel(), {})


def test_own_dataset(bascule, config, tmp_path) -> None:
    """Stock and own forward steps, workers, loaders and iterables see the same samples."""
    quiet = "validation.eval_iters=0"
    bascule.pretrain(config("map", quiet), dataset=Rows(40))
    bascule.pretrain(config("forward", quiet), own_data, dataset=Rows(40))
    bascule.pretrain(config("workers", quiet), dataset=Rows(40), num_workers=2)
    loader = torch.utils.data.DataLoader(Rows(40), batch_size=2)
    bascule.pretrain(config("loader", quiet), dataset=loader)
    first = bascule.pretrain(config("resumed", quiet, "train.exit_interval=3"), dataset=iter(loader))
    assert first.step == 3
    bascule.pretrain(config("resumed", quiet), dataset=iter(loader))
    for other in ("forward", "workers", "loader", "resumed"):
        assert losses(tmp_path / other) == losses(tmp_path / "map"), other
        assert data(tmp_path / other) == data(tmp_path / "map"), other


def test_own_dataset_is_evaluated(bascule, config, tmp_path) -> None:
    bascule.pretrain(config("run"), dataset={"train": Rows(40), "valid": Rows(6)})
    text = (tmp_path / "run/metrics.jsonl").read_text()
    assert text.count("validation_loss") == 3
    assert "test_loss" not in text


def test_own_dataset_says_what_is_wrong(bascule, config) -> None:
    with pytest.raises(bascule.UserError, match="ended after 20 samples, and the run needs more"):
        bascule.pretrain(config(None), dataset=Rows(21))
    with pytest.raises(bascule.UserError, match="has no labels"):
        bascule.pretrain(config(None), dataset=[{"tokens": torch.zeros(32)}] * 40)
    wrong = [{"tokens": torch.full((32,), 10**6), "labels": torch.zeros(32).long()}] * 40
    with pytest.raises(bascule.UserError, match="tokens holds 1000000"):
        bascule.pretrain(config(None), dataset=wrong)
    loader = torch.utils.data.DataLoader(Rows(40), batch_size=3)
    with pytest.raises(bascule.UserError, match="gave 3 sequences"):
        bascule.pretrain(config(None), dataset=loader)
    with pytest.raises(bascule.UserError, match=r"\['dev'\]"):
        bascule.pretrain(config(None), dataset={"dev": Rows(40)})
    with pytest.raises(bascule.UserError, match="leave one of the two out"):
        bascule.pretrain(config(None, "dataset.blend=there"), dataset=Rows(40))


def twice(data_iterator, model):
    next(data_iterator)
    return stock_like(data_iterator, model)


def test_forward_step_says_what_is_wrong(bascule, config) -> None:
    with pytest.raises(bascule.UserError, match="one micro-batch at a time"):
        bascule.pretrain(config(None), twice)
    for wrong, words in [
        (lambda output: output.sum(), "returns .loss, num_tokens, reported.*not a Tensor"),
        (lambda output: (output, {}), "no tensor of one element, but a Tensor of shape"),
        (lambda output: (output.sum(), {"x": torch.zeros(3)}), "reports 'x' as 3 numbers"),
    ]:
        with pytest.raises(bascule.UserError, match=words):
            bascule.pretrain(config(None), lambda it, m, w=wrong: (stock_like(it, m)[0], w))
    with pytest.raises(bascule.UserError, match="ConfigContainer, not a dict"):
        bascule.pretrain({})


class Worse(Rows):
    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if index == 13:
            raise KeyError("sample thirteen")
        return super().__getitem__(index)


def test_exceptions_come_out_as_they_are(bascule, config, tmp_path) -> None:
    def forward_step(data_iterator, model):
        raise ZeroDivisionError("of the forward step")

    with pytest.raises(ZeroDivisionError, match="of the forward step") as raised:
        bascule.pretrain(config(None), forward_step)
    assert "forward_step" in [entry.name for entry in raised.traceback]

    class Bad(bascule.training.Callback):
        def on_train_step_end(self, context) -> None:
            if context.state.train_state.step == 3:
                raise LookupError("of the callback")

    for asked in (False, True):
        save = f"asked{asked}"
        with pytest.raises(LookupError, match="of the callback") as raised:
            bascule.pretrain(config(save), callbacks=[Bad()], save_on_error=asked)
        assert "on_train_step_end" in [entry.name for entry in raised.traceback]
        assert (tmp_path / save / "iter_0000003").exists() is asked
    bascule.pretrain(config("askedTrue"))
    bascule.pretrain(config("straight"))
    assert data(tmp_path / "askedTrue") == data(tmp_path / "straight")
    for workers in (0, 2):
        with pytest.raises(KeyError, match="sample thirteen"):
            bascule.pretrain(config(None), dataset=Worse(40), num_workers=workers)


SIGNALLED = """
import signal, sys, time
import bascule

cfg = bascule.ConfigContainer.from_yaml(sys.argv[1])
cfg.train.exit_signal_handler = sys.argv[2] == "saves"

def slow(context):
    if context.state.train_state.step == 2:
        print("two", flush=True)
    time.sleep(0.05)

manager = bascule.training.CallbackManager()
manager.register("on_train_step_end", slow)
try:
    outcome = bascule.pretrain(cfg, callbacks=manager)
    print("stopped", outcome.stopped, flush=True)
    signal.raise_signal(signal.SIGINT)  # means again what it meant before
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    ("how", "sent", "said", "saved"),
    [
        ("plain", signal.SIGINT, "interrupted", False),
        ("saves", signal.SIGINT, "interrupted", False),
        ("saves", signal.SIGTERM, "stopped SIGTERM", True),
    ],
)
def test_signals(how, sent, said, saved, engine, config, tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SIGNALLED)
    recipe = tmp_path / "recipe.yaml"
    config("run", "train.train_iters=10000").to_yaml(recipe)
    env = one_thread() | {"PYTHONPATH": str(engine / "python")}
    with subprocess.Popen(
        [sys.executable, program, recipe, how], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        for line in process.stdout:
            if line == "two\n":
                break
        process.send_signal(sent)
        out, _ = process.communicate(timeout=120)
    assert said in out
    assert out.endswith("interrupted\n")
    assert process.returncode == 0
    assert any((tmp_path / "run").glob("iter_*")) is saved


STALLED = """
import sys, time
import torch
import bascule

class Stalled(torch.utils.data.Dataset):
    def __len__(self):
        return 100

    def __getitem__(self, index):
        if index == 5:
            print("stalled", flush=True)
            time.sleep(600)
        return {name: torch.full((32,), index) for name in ("tokens", "labels")}

cfg = bascule.ConfigContainer.from_yaml(sys.argv[1])
try:
    bascule.pretrain(cfg, dataset=Stalled(), num_workers=int(sys.argv[2]), save_on_error=True)
finally:
    print("finally", flush=True)
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_reaches_code_that_stalls(workers, engine, config, tmp_path) -> None:
    """Whatever train.exit_signal_handler says, which is there for SIGTERM."""
    program = tmp_path / "program.py"
    program.write_text(STALLED)
    recipe = tmp_path / "recipe.yaml"
    config("run", "train.exit_signal_handler=true", "validation.eval_iters=0").to_yaml(recipe)
    with subprocess.Popen(
        [sys.executable, program, recipe, str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=one_thread() | {"PYTHONPATH": str(engine / "python")},
    ) as process:
        try:
            for line in process.stdout:
                # A worker is ahead: its run has taken a step once there is a line about it.
                if line == "stalled\n" if workers == 0 else " iteration        1/" in line:
                    break
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()  # what no signal reached
    assert out.endswith("finally\n")
    assert error.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    assert (tmp_path / "run/iter_0000001").exists()  # save_on_error asks for it


def test_names_of_later(bascule) -> None:
    for later in (bascule.finetune, bascule.distill):
        with pytest.raises(bascule.UnsupportedError, match=f"{later.__name__}.. is not there yet"):
            later()


@pytest.mark.parametrize("name", ["pretrain", "own_forward_step", "own_dataset", "own_model"])
def test_examples(name, bascule, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / f"examples/{name}.py"))
    said = capsys.readouterr().out
    assert " iteration " in said
    if name == "pretrain":
        assert f"runs/pretrain/iter_{10:07}" in said
        runpy.run_path(str(ROOT / f"examples/{name}.py"))
        assert "nothing to do: 10 of 10 steps are done" in capsys.readouterr().out


def test_the_programs_of_the_page(bascule, tmp_path, monkeypatch, capsys) -> None:
    page = (ROOT / "docs/python_training.md").read_text()
    training, groups = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "BASCULE_OVERRIDES",
        "train.train_iters=2 train.global_batch_size=2 train.micro_batch_size=1 "
        "scheduler.lr_warmup_iters=1 validation.eval_iters=1 model.num_layers=1 "
        "model.hidden_size=64 model.ffn_hidden_size=128 model.kv_channels=16 "
        "model.num_attention_heads=4 model.num_query_groups=2 model.vocab_size=256 "
        "model.seq_length=64 dataset.seq_length=64 tokenizer.vocab_size=256",
    )
    exec(training, {})
    assert " iteration        2/       2" in capsys.readouterr().out
    names = {}
    exec(groups, names)
    cfg = names["cfg"]
    assert (cfg.train.global_batch_size, cfg.optimizer.lr) == (8, 3e-4)
    assert (cfg.checkpoint.save, cfg.model.num_layers) == ("runs/first", 16)


def test_overhead(bascule, config, tmp_path) -> None:
    """What a step takes beside its computation, with callbacks: at most 1 % of a step of 50 ms."""
    beside = []
    for attempt in range(3):
        times = []
        manager = bascule.training.CallbackManager()
        manager.register("on_train_start", lambda context, times=times: times.append(time.perf_counter()))
        manager.register("on_train_end", lambda context, times=times: times.append(time.perf_counter()))
        cfg = config(None, "train.train_iters=200", "validation.eval_iters=0")
        cfg.logger.metrics_path = str(tmp_path / f"{attempt}/metrics.jsonl")
        cfg.logger.log_interval = 100
        bascule.pretrain(cfg, callbacks=manager)
        rows = steps_of(tmp_path / str(attempt))
        beside.append((times[1] - times[0] - sum(row["seconds"] for row in rows)) / len(rows))
    assert min(beside) <= 0.01 * 0.050
