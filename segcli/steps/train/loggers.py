"""Experiment trackers that a training logs to besides its `history.jsonl`: TensorBoard, MLflow, Weights & Biases.

A logger is a row of `LOGGERS`: its package, and a function that opens a run. An error of a tracker is logged once and
never ends the training; `history.jsonl` is always complete.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from segcli.errors import MissingPartError
from segcli.steps.train.state import Callback, TrainState

log = logging.getLogger("segcli.train")

Scalars = Mapping[str, float]


class RunLogger(Protocol):
    """One run of a tracker."""

    run_id: str
    """Identifies the run that a resumed training continues; empty where the files suffice."""

    def scalars(self, values: Scalars, iteration: int) -> None:
        """Logs the numbers of an iteration."""

    def close(self) -> None:
        """Ends the run."""


@dataclass(frozen=True)
class RunStart:
    """What a tracker needs to open a run.

    Attributes:
        output: Folder of the training.
        name: Name of the run.
        settings: The configuration, as plain values by dotted key.
        iteration: Iterations already done.
        run_id: Of the run to continue; empty starts a new one.
    """

    output: Path
    name: str
    settings: Mapping[str, Any]
    iteration: int = 0
    run_id: str = ""


class _TensorBoard:
    run_id = ""

    def __init__(self, start: RunStart) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(start.output / "tensorboard"), purge_step=start.iteration + 1)

    def scalars(self, values: Scalars, iteration: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _MLflow:
    """Logs to MLFLOW_TRACKING_URI if set, else into the output folder."""

    def __init__(self, start: RunStart) -> None:
        import os

        import mlflow

        self._mlflow = mlflow
        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri((start.output / "mlruns").resolve().as_uri())
        run = mlflow.start_run(run_id=start.run_id or None, run_name=start.name)
        self.run_id = str(run.info.run_id)
        if not start.run_id:
            mlflow.log_params({key: str(value)[:500] for key, value in start.settings.items()})

    def scalars(self, values: Scalars, iteration: int) -> None:
        self._mlflow.log_metrics(dict(values), step=iteration)

    def close(self) -> None:
        self._mlflow.end_run()


class _WandB:
    def __init__(self, start: RunStart) -> None:
        import wandb

        self._run = wandb.init(
            dir=str(start.output),
            name=start.name,
            config=dict(start.settings),
            id=start.run_id or None,
            resume="allow",
        )
        self.run_id = str(self._run.id)

    def scalars(self, values: Scalars, iteration: int) -> None:
        self._run.log(dict(values), step=iteration)

    def close(self) -> None:
        self._run.finish()


@dataclass(frozen=True)
class LoggerKind:
    """A row of the table.

    Attributes:
        package: The package that must be installed.
        open: Starts or continues a run.
    """

    package: str
    open: Callable[[RunStart], RunLogger]


LOGGERS: dict[str, LoggerKind] = {
    "tensorboard": LoggerKind("tensorboardX", _TensorBoard),
    "mlflow": LoggerKind("mlflow", _MLflow),
    "wandb": LoggerKind("wandb", _WandB),
}


def require_installed(names: Sequence[str]) -> None:
    """Checks that the packages of these loggers are installed.

    Raises:
        MissingPartError: One is not; the hint says how to install it.
    """
    for name in names:
        package = LOGGERS[name].package
        if find_spec(package) is None:
            raise MissingPartError(
                f"Train.loggers names {name}, whose package {package} is not installed",
                hint=f"pip install {package}, or remove {name}",
            )


class RunLoggers(Callback):
    """Sends the events of the history to the loggers.

    Args:
        names: Rows of `LOGGERS`.
        output: Folder of the training.
        name: Name of the run.
        settings: The configuration by dotted key.
    """

    def __init__(self, names: Sequence[str], output: Path, name: str, settings: Mapping[str, Any]) -> None:
        require_installed(names)
        self._names = names
        self._output = output
        self._name = name
        self._settings = settings
        self._open: dict[str, RunLogger] = {}
        self._ids: dict[str, str] = {}

    def on_start(self, state: TrainState) -> None:
        """Starts the runs, or continues those of the checkpoint."""
        for name in self._names:
            start = RunStart(self._output, self._name, self._settings, state.iteration, self._ids.get(name, ""))
            try:
                self._open[name] = LOGGERS[name].open(start)
            except Exception as fault:  # any: an error of a tracker must not end the training
                self._lost(name, fault)
        self._ids = {name: logger.run_id for name, logger in self._open.items()}

    def event(self, event: str, iteration: int, values: Mapping[str, Any]) -> None:
        """Logs the finite numbers of an event; nested names are joined by slashes."""
        scalars = dict(_numbers(values, event))
        for name, logger in list(self._open.items()):
            try:
                logger.scalars(scalars, iteration)
            except Exception as fault:  # any: as above
                self._open.pop(name)
                self._lost(name, fault)

    def close(self) -> None:
        """Ends the runs."""
        for name, logger in self._open.items():
            try:
                logger.close()
            except Exception as fault:  # any: as above
                self._lost(name, fault)
        self._open = {}

    def state_dict(self) -> dict[str, Any]:
        """Ids of the runs."""
        return {"ids": dict(self._ids)}

    def load_state_dict(self, values: Mapping[str, Any]) -> None:
        """Restores them."""
        self._ids = {str(name): str(run_id) for name, run_id in values.get("ids", {}).items()}

    @staticmethod
    def _lost(name: str, fault: Exception) -> None:
        log.warning("logging to %s has stopped (%s: %s); history.jsonl is complete", name, type(fault).__name__, fault)


def _numbers(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        name = f"{prefix}/{key}"
        if isinstance(value, Mapping):
            yield from _numbers(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield name, float(value)
