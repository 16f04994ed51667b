"""What Weights & Biases, MLflow and Comet are told of a run: packages that stand in for theirs."""

import sys
from typing import Any

import pytest

from conftest import steps_of


class Recorder:
    """Stands in for a service's package, and keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, given, named))
            return None if name == "active_run" else self

        return call

    def named(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(given, named) for called, given, named in self.calls if called == name]


SERVICES = {
    "wandb": (
        ["logger.wandb_project=p", "logger.wandb_exp_name=e", "logger.wandb_entity=me"],
        ("init", "log", "finish"),
    ),
    "mlflow": (
        ["logger.mlflow_experiment=p", "logger.mlflow_run_name=e"],
        ("start_run", "log_metrics", "end_run"),
    ),
    "comet_ml": (
        ["logger.comet_project=p", "logger.comet_experiment_name=e"],
        ("Experiment", "log_metrics", "end"),
    ),
}


@pytest.mark.parametrize("package", SERVICES)
def test_services(package, bascule, config, train, monkeypatch, tmp_path) -> None:
    settings, (begin, log, end) = SERVICES[package]
    recorder = Recorder()
    monkeypatch.setitem(sys.modules, package, recorder)
    bascule.pretrain(config("run", *settings))
    assert len(recorder.named(begin)) == len(recorder.named(end)) == 1
    steps = [(given[0], named["step"]) for given, named in recorder.named(log)]
    rows = steps_of(tmp_path / "run")
    told = [(step, scalars["lm loss"]) for scalars, step in steps if "lm loss" in scalars]
    assert told == [(row["step"], row["loss"]) for row in rows]
    assert any("lm loss validation" in scalars for scalars, _ in steps)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(bascule.ResourceError, match="pip install"):
        bascule.pretrain(config("run2", *settings))
    refused = train(None, *settings, code=5)
    assert "has a client for Python only: train with bascule.pretrain()" in refused.stderr


def test_services_hear_of_failures(bascule, config, monkeypatch) -> None:
    recorder = Recorder()
    monkeypatch.setitem(sys.modules, "mlflow", recorder)

    def forward_step(data_iterator, model):
        raise ZeroDivisionError

    settings = [*SERVICES["mlflow"][0], "train.train_iters=2"]
    cfg = config(None, *settings)
    cfg.logger.mlflow_tags = {"team": "blue"}
    with pytest.raises(ZeroDivisionError):
        bascule.pretrain(cfg, forward_step)
    assert recorder.named("end_run") == [(("FAILED",), {})]
    assert recorder.named("start_run")[0][1]["tags"] == {"team": "blue"}


@pytest.mark.parametrize("fails", [False, True])
def test_a_service_that_does_not_end(fails, bascule, config, monkeypatch) -> None:
    """The others are ended, and the run ends as it does without services."""

    class Broken(Recorder):
        def finish(self, **_: Any) -> None:
            raise ConnectionError("no route")

    others = {"mlflow": Recorder(), "comet_ml": Recorder()}
    for package, stands_in in {"wandb": Broken(), **others}.items():
        monkeypatch.setitem(sys.modules, package, stands_in)
    settings = [each for settings, _ in SERVICES.values() for each in settings]
    cfg = config("run", *settings, "train.train_iters=2", "validation.eval_iters=0")

    def forward_step(data_iterator, model):
        raise ZeroDivisionError

    def run() -> None:
        if not fails:
            assert bascule.pretrain(cfg).step == 2
            return
        with pytest.raises(ZeroDivisionError):
            bascule.pretrain(cfg, forward_step)

    words = r"logger.wandb_project: ending the run .* failed: ConnectionError\('no route'\)"
    with pytest.warns(UserWarning, match=words) as warned:
        run()
    assert [each.filename for each in warned if "ending the run" in str(each.message)] == [__file__]
    assert others["mlflow"].named("end_run") == [(("FAILED" if fails else "FINISHED",), {})]
    assert len(others["comet_ml"].named("end")) == 1
