"""Checkpoints of training runs, ours and the real Megatron's: each goes on where the other stopped."""

import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import checkpoints, jobs

from conftest import ROOT, one_thread

GOLDEN = ROOT / "tests/golden"
STEPS_YAML = ROOT / "tests/engine/steps.yaml"
STOP, UNTIL, ITERS = 3, 6, 20
SEED = 1234  # rng.seed, unless it is set
PRECISION = {"float32": "null", "bfloat16": "bf16_mixed"}
# family: (settings of ours, fields of Bridge's provider). The loss that balances experts is not in
# the configuration of either.
FAMILIES: dict[str, tuple[list[str], dict[str, float]]] = {
    "llama": ([], {}),
    "qwen3_moe": (["model.moe_aux_loss_coeff=0.001"], {"moe_aux_loss_coeff": 0.001}),
}
OURS = [(family, dtype) for family in FAMILIES for dtype in PRECISION]
CAPACITY = {"moe_aux_loss_coeff": 0.001, "moe_expert_capacity_factor": 0.8}
# What Megatron saves: name: (family, its settings)
THEIRS: dict[str, tuple[str, dict[str, object]]] = {
    "llama": ("llama", {}),
    "qwen3_moe": ("qwen3_moe", {}),
    "plain": ("llama", {"optimizer": "plain"}),
    "plain_bf16": ("llama", {"optimizer": "plain", "dtype": "bfloat16"}),
    "dp_reshardable": ("llama", {"fully_reshardable": False}),
    "capacity": ("qwen3_moe", {"model": CAPACITY}),
    "padded": ("qwen3_moe", {"model": CAPACITY | {"moe_pad_expert_input_to_capacity": True}}),
}
# What differs from the settings of all others, as Megatron and as we call it. Megatron's first step
# after loading still decays by its settings, as it loads the decay too late: no decay differs there.
OTHER_SCHEDULE = {"lr": 5e-3, "min_lr": 1e-3, "warmup": 1, "decay": 9, "style": "linear"}
OUR_OTHER_SCHEDULE = [
    "optimizer.lr=5.0e-3", "optimizer.min_lr=1.0e-3", "scheduler.lr_warmup_iters=1",
    "scheduler.lr_decay_iters=9", "scheduler.lr_decay_style=linear", "optimizer.weight_decay=0.3",
]  # fmt: skip
# fp32 sums in another order.
TOLERANCE = 1e-5


@dataclass
class World:
    work: Path
    engine: Path
    results: dict[str, dict]

    def done(self, key: str) -> dict:
        if "error" in self.results[key]:
            pytest.fail(f"{key}\n{self.results[key]['error']}", pytrace=False)
        return self.results[key]

    def steps(self, family: str, load: Path | None, until: int, *settings: str) -> list[dict]:
        """Our next steps after the checkpoint `load`, or the first of all."""
        command = [
            self.engine / "engine/tests/engine_steps", hf(family), self.work / f"{family}.bin",
            *([f"checkpoint.load={load}"] if load else []), f"train.train_iters={until}",
            *FAMILIES[family][0], *settings,
        ]  # fmt: skip
        call = run(command)
        assert call.returncode == 0, call.stderr
        return [json.loads(line) for line in call.stdout.splitlines()]


def hf(family: str) -> Path:
    return GOLDEN / family / "hf"


def run(command: list) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True, text=True, timeout=300, env=one_thread(), cwd=ROOT,
    )  # fmt: skip


def saved_by_us(engine: Path, family: str, dtype: str, root: Path) -> None:
    call = run(
        [
            engine / "bascule-engine", "train", STEPS_YAML,
            f"checkpoint.pretrained_checkpoint={hf(family)}", f"checkpoint.save={root}",
            f"mixed_precision={PRECISION[dtype]}", f"train.exit_interval={STOP}",
            "validation.eval_iters=0", *FAMILIES[family][0],
        ]
    )  # fmt: skip
    assert call.returncode == 0, call.stderr


def write_tokens(work: Path, family: str) -> str:
    """Rows for both: int64 as engine_steps reads them, .npy for Megatron."""
    vocabulary = json.loads((hf(family) / "config.json").read_text())["vocab_size"]
    draw = np.random.RandomState(7)
    rows = (vocabulary * draw.random_sample((ITERS, 2, 2, 33)) ** 3).astype("<i8")
    (work / f"{family}.bin").write_bytes(rows.tobytes())
    np.save(work / f"{family}.npy", rows)
    return str(work / f"{family}.npy")


@pytest.fixture(scope="module")
def world(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    work = tmp_path_factory.mktemp("megatron")
    tokens = {family: write_tokens(work, family) for family in FAMILIES}
    todo = []
    for family, dtype in OURS:
        root = work / f"ours_{family}_{dtype}"
        saved_by_us(engine, family, dtype, root)
        todo.append(
            {
                "id": root.name,
                "action": "train",
                "hf": str(hf(family)),
                "tokens": tokens[family],
                "rules": {"dtype": dtype, "model": FAMILIES[family][1]},
                "load": str(root),
                "resaved": str(work / f"resaved_{family}_{dtype}"),
                "until": STOP + 1,
            }
        )
    for name, (family, rules) in THEIRS.items():
        todo.append(
            {
                "id": name,
                "action": "train",
                "hf": str(hf(family)),
                "tokens": tokens[family],
                "rules": {"model": FAMILIES[family][1], **rules},
                "until": UNTIL,
                "saves": {str(STOP): str(work / name)},
            }
        )
    todo.append(
        {
            "id": "schedule",
            "action": "train",
            "hf": str(hf("llama")),
            "tokens": tokens["llama"],
            "rules": {"use_checkpoint_schedule": True, **OTHER_SCHEDULE},
            "load": str(work / "llama"),
            "until": UNTIL,
        }
    )
    return World(work, engine, jobs.run("training", todo))


@pytest.fixture(scope="module")
def exported(world: World) -> dict[str, dict]:
    """What Bridge makes of ours, in exported_FAMILY_DTYPE."""
    todo = [
        {
            "id": f"{family} {dtype}",
            "action": "export",
            "checkpoint": str(world.work / f"ours_{family}_{dtype}"),
            "hf": str(hf(family)),
            "out": str(world.work / f"exported_{family}_{dtype}"),
        }
        for family, dtype in OURS
    ]
    return jobs.run("peers", todo)


def common(root: Path) -> dict:
    return torch.load(checkpoints.iteration(root) / "common.pt", weights_only=True)


@pytest.mark.parametrize("family, dtype", OURS)
def test_megatron_loads_what_we_saved(family: str, dtype: str, world: World) -> None:
    """Every tensor bit for bit: it saves again what it had loaded, strictly, over NaN."""
    loaded = world.done(f"ours_{family}_{dtype}")
    ours, again = (world.work / f"{who}_{family}_{dtype}" for who in ("ours", "resaved"))
    tensors, theirs = (checkpoints.megatron(root) for root in (ours, again))
    for found in (tensors, theirs):
        found.pop(checkpoints.RANDOM)  # numpy's words are a list of ours, an array of Megatron's
    assert checkpoints.differences(theirs, tensors) == []
    for kind in ("param", "exp_avg", "exp_avg_sq"):
        trained = [key for key in tensors if key.startswith(f"optimizer.state.{kind}.")]
        assert len(trained) == sum(
            "sha256" in row for key, row in tensors.items() if not key.startswith("optimizer.")
        )
        assert {tensors[key]["dtype"] for key in trained} == {"float32"}
    assert tensors["output_layer.weight"]["dtype"] == dtype
    assert loaded["adam_steps"] == [STOP]
    assert loaded["counters"]["step"] == STOP
    assert loaded["counters"]["consumed_train_samples"] == STOP * 4


def philox(seed: int) -> list[int]:
    """The state of a GPU's generator that has not drawn."""
    return list(seed.to_bytes(8, "little") + bytes(8))


def test_megatron_takes_random_states(world: World) -> None:
    """With load_rng, Bridge's default: those of a run that begins with our rng.seed."""
    ours, again = (world.work / f"{who}_llama_float32" for who in ("ours", "resaved"))
    world.done(ours.name)
    name, words, *rest = np.random.RandomState(SEED).get_state()
    offsets = {"data-parallel-rng": 0, "model-parallel-rng": 2718, "expert-parallel-rng": 1024}
    expected = {
        "python": random.Random(SEED).getstate(),
        "numpy": (name, words.tolist(), *rest),
        "torch": torch.Generator().manual_seed(SEED).get_state().tolist(),
        "cuda": philox(SEED),
        "named": {name: philox(SEED + offset) for name, offset in offsets.items()},
    }
    assert checkpoints.random_states(ours) == expected
    assert checkpoints.random_states(again) == expected


def test_random_states_of_megatron_travel(world: World) -> None:
    """No step of ours draws a number: Megatron may go on where it has stopped."""
    world.done("llama")
    for settings, kept in (([], True), (["checkpoint.load_rng=false"], False)):
        root = world.work / f"travelled_{kept}"
        command = [
            world.engine / "bascule-engine", "train", STEPS_YAML,
            f"checkpoint.load={world.work / 'llama'}", f"checkpoint.save={root}",
            f"train.exit_interval={STOP + 1}", "validation.eval_iters=0", *settings,
        ]  # fmt: skip
        call = run(command)
        assert call.returncode == 0, call.stderr
        found = checkpoints.random_states(root)
        assert (found == checkpoints.random_states(world.work / "llama")) == kept
        assert (found["named"] == {"model-parallel-rng": list(range(16))}) == kept


def test_random_states_may_be_left_out(world: World) -> None:
    root = world.work / "unrandom"
    call = run(
        [
            world.engine / "bascule-engine", "train", STEPS_YAML,
            f"checkpoint.pretrained_checkpoint={hf('llama')}", f"checkpoint.save={root}",
            "train.train_iters=1", "validation.eval_iters=0", "checkpoint.save_rng=false",
        ]
    )  # fmt: skip
    assert call.returncode == 0, call.stderr
    assert checkpoints.RANDOM not in checkpoints.megatron(root)
    assert "save_rng: false" in (checkpoints.iteration(root) / "run_config.yaml").read_text()
    call = run([world.engine / "bascule", "verify", root])
    assert call.returncode == 0, call.stderr


@pytest.mark.parametrize("family, dtype", OURS)
def test_megatron_takes_groups_and_schedule_as_we_wrote_them(
    family: str, dtype: str, world: World
) -> None:
    world.done(f"ours_{family}_{dtype}")
    ours, again = (common(world.work / f"{who}_{family}_{dtype}") for who in ("ours", "resaved"))
    assert again["opt_param_scheduler"] == ours["opt_param_scheduler"]
    assert again["content_metadata"] == ours["content_metadata"]
    groups = ours["optimizer"]["optimizer"]["param_groups"]
    assert [group["wd_mult"] for group in groups] == [1.0, 0.0]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    for mine, theirs in zip(groups, again["optimizer"]["optimizer"]["param_groups"], strict=True):
        assert set(mine) - set(theirs) <= {"bias_correction"}  # Transformer Engine's
        assert theirs == {key: mine[key] for key in theirs}


@pytest.mark.parametrize("family", FAMILIES)
def test_its_next_step_is_ours(family: str, world: World) -> None:
    expected = world.done(f"ours_{family}_float32")["steps"]
    found = world.steps(family, world.work / f"ours_{family}_float32", STOP + 1)
    assert len(found) == len(expected) == 1
    expect_equal(found, expected)


def expect_equal(found: list[dict], expected: list[dict], tolerance: float = TOLERANCE) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["lr"] == pytest.approx(theirs["lr"], rel=1e-12)
        for key in ("loss", "grad_norm"):
            assert ours[key] == pytest.approx(theirs[key], rel=tolerance), (theirs["step"], key)


def test_the_schedule_may_be_the_checkpoints(world: World) -> None:
    expected = world.done("schedule")["steps"]
    found = world.steps(
        "llama", world.work / "llama", UNTIL, *OUR_OTHER_SCHEDULE,
        "scheduler.use_checkpoint_opt_param_scheduler=true",
    )  # fmt: skip
    expect_equal(found, expected)
    expect_equal(found, world.done("llama")["steps"][STOP:])
    assert {row["wd"] for row in found} == {0.1}


@pytest.mark.parametrize("settings", OUR_OTHER_SCHEDULE)
def test_another_schedule_is_refused(settings: str, world: World) -> None:
    world.done("llama")
    command = [
        world.engine / "bascule-engine", "train", STEPS_YAML, "validation.eval_iters=0",
        f"checkpoint.load={world.work / 'llama'}", f"train.train_iters={STOP + 1}", settings,
    ]  # fmt: skip
    call = run(command)
    assert call.returncode == 2, call.stderr
    for word in ("was made with", "override_opt_param", "use_checkpoint_opt_param"):
        assert word in call.stderr
    call = run([*command, "scheduler.override_opt_param_scheduler=true"])
    assert call.returncode == 0, call.stderr


@pytest.mark.parametrize("name", ["capacity", "padded"])
def test_experts_drop_what_megatrons_do(name: str, world: World) -> None:
    """Padding, which ours do not do, changes nothing."""
    expected = world.done(name)["steps"]
    assert abs(expected[2]["loss"] - world.done("qwen3_moe")["steps"][2]["loss"]) > 1e-4
    found = world.steps(
        "qwen3_moe", None, UNTIL, "model.moe_expert_capacity_factor=0.8",
        f"model.moe_pad_expert_input_to_capacity={str(name == 'padded').lower()}",
    )  # fmt: skip
    expect_equal(found, expected)


@pytest.fixture(scope="module")
def shared_experts(world: World) -> dict:
    """A run of two ranks, each with half of the experts, that saves at step STOP."""
    family = "qwen3_moe"
    job = {
        "id": "shared",
        "action": "train",
        "hf": str(hf(family)),
        "tokens": str(world.work / f"{family}.npy"),
        "rules": {"model": FAMILIES[family][1], "experts": 2},
        "until": UNTIL,
        "saves": {str(STOP): str(world.work / "shared")},
    }
    done = jobs.run("training", [job], ranks=2)["shared"]
    assert "error" not in done, done["error"]
    return done


def test_we_go_on_as_several_ranks_do(shared_experts: dict, world: World) -> None:
    expected = shared_experts["steps"]
    # Another layout, but the same training.
    expect_equal(expected, world.done("qwen3_moe")["steps"])
    directory = checkpoints.iteration(world.work / "shared")
    assert {path.name[:4] for path in directory.glob("*.distcp")} == {"__0_", "__1_"}
    found = world.steps("qwen3_moe", world.work / "shared", UNTIL)
    assert len(found) == UNTIL - STOP
    expect_equal(found, expected[STOP:])


@pytest.mark.parametrize("name", ["llama", "qwen3_moe", "plain"])
def test_we_go_on_as_megatron_does(name: str, world: World) -> None:
    """`plain` is the optimizer that is not distributed: in fp32 it keeps no masters."""
    expected = world.done(name)["steps"][STOP:]
    found = world.steps(THEIRS[name][0], world.work / name, UNTIL)
    assert len(found) == UNTIL - STOP
    expect_equal(found, expected)


def test_we_go_on_from_masters_that_are_not_distributed(world: World) -> None:
    """bfloat16 rounds what it sums in another order: a step is equal to three digits."""
    expected = world.done("plain_bf16")["steps"][STOP:]
    keys = checkpoints.megatron(world.work / "plain_bf16")
    assert any(key.startswith("optimizer.state.fp32_param.") for key in keys)
    settings = "mixed_precision=bf16_mixed"
    found = world.steps("llama", world.work / "plain_bf16", UNTIL, settings)
    expect_equal(found, expected, 5e-3)


def test_state_of_one_layout_is_refused_and_its_weights_are_not(world: World) -> None:
    world.done("dp_reshardable")
    root = world.work / "dp_reshardable"
    command = [
        world.engine / "bascule-engine", "train", STEPS_YAML, f"checkpoint.load={root}",
        f"train.train_iters={STOP + 1}", "validation.eval_iters=0",
    ]  # fmt: skip
    call = run(command)
    assert call.returncode == 5, call.stderr
    for word in ("dp_reshardable", "--dist-ckpt-optim-fully-reshardable", "load_optim=false"):
        assert word in call.stderr
    call = run([*command, "checkpoint.load_optim=false"])
    assert call.returncode == 0, call.stderr
    assert f"resumed {root}/iter_{STOP:07} at step {STOP}" in call.stdout


@pytest.mark.parametrize("family, dtype", OURS)
def test_bridge_exports_what_we_saved(
    family: str, dtype: str, world: World, exported: dict[str, dict]
) -> None:
    """export_ckpt builds the model that run_config.yaml describes."""
    done = exported[f"{family} {dtype}"]
    assert "error" not in done, done
    ours = world.work / f"exported_by_us_{family}_{dtype}"
    root = world.work / f"ours_{family}_{dtype}"
    call = run([world.engine / "bascule", "export", root, ours])
    assert call.returncode == 0, call.stderr
    theirs = checkpoints.hugging_face(world.work / f"exported_{family}_{dtype}")
    found = checkpoints.hugging_face(ours)
    assert checkpoints.differences(theirs, found) == []
    assert {row["dtype"] for row in found.values()} == {dtype}
