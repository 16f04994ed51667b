"""Iterables that draw random numbers, under `bascule.pretrain`: a run that goes on reads on."""

import random

import numpy as np
import pytest
import torch

from conftest import steps_of
from test_own_model import NO_MODEL, network, points, regression
from test_pretrain import Rows
from test_train import losses


def shuffled(samples, size: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(samples, batch_size=size, shuffle=True)


class Epochs:
    """Shuffled anew each time, with noise of every generator."""

    def __init__(self, samples) -> None:
        self.loader = shuffled(samples, 4)

    def __iter__(self):
        while True:
            for x, y in self.loader:
                noise = torch.randn_like(x) + random.random() + np.random.rand()
                yield x + noise / 10, y


@pytest.mark.parametrize("make", [shuffled, lambda samples, _: Epochs(samples[:48])])
def test_shuffled_data_go_on(make, bascule, config, tmp_path) -> None:
    """With dropout between the draws, and evaluations of another shuffled loader."""
    settings = [*NO_MODEL, "validation.eval_iters=2", "validation.eval_interval=3"]

    def run(save: str, seed: int, *more: str) -> None:
        model = network()
        torch.manual_seed(seed)  # what the program drew before matters as little
        given = {"train": make(points(), 4), "valid": shuffled(points(100), 4)}
        cfg = config(save, *settings, *more, model=None)
        bascule.pretrain(cfg, regression, model=model, dataset=given)

    run("straight", 1)
    run("stopped", 2, "train.exit_interval=7")
    run("stopped", 3)
    assert losses(tmp_path / "stopped") == losses(tmp_path / "straight")
    evaluations = [
        [row for row in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
         if "validation_loss" in row]
        for name in ("stopped", "straight")
    ]
    assert evaluations[0] == evaluations[1]
    run("other", 1, "rng.seed=99")
    assert losses(tmp_path / "other") != losses(tmp_path / "straight")


def test_shuffled_data_go_on_in_a_stock_run(bascule, config, tmp_path) -> None:
    settings = ["validation.eval_iters=0"]
    bascule.pretrain(config("straight", *settings), dataset=shuffled(Rows(40), 2))
    bascule.pretrain(config("stopped", *settings, "train.exit_interval=5"), dataset=shuffled(Rows(40), 2))
    bascule.pretrain(config("stopped", *settings), dataset=shuffled(Rows(40), 2))
    assert losses(tmp_path / "stopped") == losses(tmp_path / "straight")
    bascule.pretrain(config("order", *settings), dataset=Rows(40))
    assert losses(tmp_path / "order") != losses(tmp_path / "straight")


def test_data_leave_the_generators_alone(bascule, config, tmp_path) -> None:
    """What the model draws is what it draws with data that draw nothing."""
    batches = list(torch.utils.data.DataLoader(points(), batch_size=4))

    class Noisy:
        def __iter__(self):
            for batch in batches:
                torch.randn(3), random.random(), np.random.rand()
                yield batch

    for name, given in (("quiet", iter(batches)), ("noisy", Noisy())):
        cfg = config(name, *NO_MODEL, model=None)
        bascule.pretrain(cfg, regression, model=network(), dataset=given)
    assert [row["loss"] for row in steps_of(tmp_path / "noisy")] == [
        row["loss"] for row in steps_of(tmp_path / "quiet")
    ]
