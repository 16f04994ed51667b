"""Weights & Biases, MLflow and Comet: where a run's scalars go beside its own files."""

from __future__ import annotations

import importlib
import os
import warnings
from typing import TYPE_CHECKING, Any, Protocol

from bascule.errors import ResourceError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable


class Service(Protocol):
    """A run as a service sees it."""

    def log(self, step: int, scalars: dict[str, float]) -> None:
        """Takes the scalars of a step."""

    def finish(self, failed: bool) -> None:
        """Ends the run there."""


class _WeightsAndBiases:
    def __init__(self, settings: dict[str, Any]) -> None:
        wandb = _client("wandb", "wandb", "logger.wandb_project")
        save = settings["checkpoint.save"]
        folder = settings["logger.wandb_save_dir"] or (save and os.path.join(save, "wandb"))
        if not folder:
            raise UserError(
                "logger.wandb_project is set, but neither logger.wandb_save_dir nor checkpoint.save"
                " says where its local files go; set one"
            )
        os.makedirs(folder, exist_ok=True)
        self._run = wandb.init(
            dir=folder,
            name=settings["logger.wandb_exp_name"],
            project=settings["logger.wandb_project"],
            entity=settings["logger.wandb_entity"],
            config=_grouped(settings),
        )

    def log(self, step: int, scalars: dict[str, float]) -> None:
        self._run.log(scalars, step=step)

    def finish(self, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


class _MLflow:
    def __init__(self, settings: dict[str, Any]) -> None:
        self._mlflow = _client("mlflow", "mlflow", "logger.mlflow_experiment")
        if settings["logger.mlflow_tracking_uri"]:
            self._mlflow.set_tracking_uri(settings["logger.mlflow_tracking_uri"])
        self._mlflow.set_experiment(settings["logger.mlflow_experiment"])
        tags = settings["logger.mlflow_tags"] or {}
        # A run that the program has begun is used, and stays open.
        self._own = self._mlflow.active_run() is None
        if self._own:
            self._mlflow.start_run(run_name=settings["logger.mlflow_run_name"], tags=tags or None)
        elif tags:
            self._mlflow.set_tags(tags)
        values = {name: str(value) for name, value in settings.items() if value is not None}
        self._mlflow.log_params(values)

    def log(self, step: int, scalars: dict[str, float]) -> None:
        named = {name.replace("/", "_"): value for name, value in scalars.items()}
        self._mlflow.log_metrics(named, step=step)

    def finish(self, failed: bool) -> None:
        if self._own:
            self._mlflow.end_run("FAILED" if failed else "FINISHED")


class _Comet:
    def __init__(self, settings: dict[str, Any]) -> None:
        comet = _client("comet_ml", "comet-ml", "logger.comet_project")
        self._experiment = comet.Experiment(
            project_name=settings["logger.comet_project"],
            workspace=settings["logger.comet_workspace"],
        )
        self._experiment.set_name(settings["logger.comet_experiment_name"])
        if settings["logger.comet_tags"]:
            self._experiment.add_tags(list(settings["logger.comet_tags"]))
        self._experiment.log_parameters(settings)

    def log(self, step: int, scalars: dict[str, float]) -> None:
        self._experiment.log_metrics(scalars, step=step)

    def finish(self, failed: bool) -> None:
        self._experiment.end()


_SERVICES: dict[str, Callable[[dict[str, Any]], Service]] = {
    "logger.wandb_project": _WeightsAndBiases,
    "logger.mlflow_experiment": _MLflow,
    "logger.comet_project": _Comet,
}


class Services:
    """Those that the settings name.

    Raises:
        bascule.ResourceError: the package of one is not installed.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._all: dict[str, Service] = {}
        try:
            for setting, make in _SERVICES.items():
                if settings[setting]:
                    self._all[setting] = make(settings)
        except BaseException:
            self.finish(failed=True)
            raise

    def __bool__(self) -> bool:
        return bool(self._all)

    def log(self, step: int, scalars: dict[str, float]) -> None:
        """Gives all of them the scalars of a step."""
        for each in self._all.values():
            each.log(step, scalars)

    def finish(self, failed: bool) -> None:
        """Ends the run at all of them. One that fails at this is warned of: the run has ended as it
        did, whatever a service makes of it.
        """
        ended, self._all = self._all, {}
        failures = [_failure(setting, each, failed) for setting, each in ended.items()]
        for failure in filter(None, failures):
            warnings.warn(failure, stacklevel=4)  # of the line that called pretrain()


def _failure(setting: str, service: Service, failed: bool) -> str | None:
    """Ends the run at a service; what to say where that failed."""
    try:
        service.finish(failed)
    except Exception as error:
        return f"{setting}: ending the run at the service failed: {error!r}"
    return None


def _client(module: str, package: str, setting: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ResourceError(
            f"{setting} is set, but the package {module} cannot be imported ({error}); "
            f"`pip install {package}` installs it"
        ) from error


def _grouped(settings: dict[str, Any]) -> dict[str, Any]:
    """{"train": {"train_iters": 10}} of {"train.train_iters": 10}."""
    groups: dict[str, Any] = {}
    for path, value in settings.items():
        *outer, name = path.split(".")
        (groups.setdefault(outer[0], {}) if outer else groups)[name] = value
    return groups
