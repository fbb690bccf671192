"""From the arguments of a function to a configuration, and to the mode that it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from segcli import app
from segcli.failure_report import failure_of
from segcli.implied import TaskName, model_to_check, run_config

if TYPE_CHECKING:
    from segcli.config.schema import Config
    from segcli.results import ModeResult

StrPath = str | PathLike[str]
Task = Literal["semantic", "instance"]
Overrides = Mapping[str, Any]
"""Further keys of the configuration by dotted name, as after ``-o``: ``{"Train.batch_size": 4}``."""
Values = Mapping[str, tuple[str, Any]]
"""By key of the configuration: the name of the argument, and its value or None."""

log = logging.getLogger("segcli")


def run(
    mode: str,
    config: StrPath | None,
    values: Values,
    overrides: Overrides | None,
    implied: Values | None = None,
) -> ModeResult:
    """Runs a mode; a failure is left in its result file too."""
    config_of_call = loaded(mode, config, values, overrides, implied)
    try:
        return app.perform(config_of_call)[0]
    except (Exception, KeyboardInterrupt) as error:
        app.leave_failure(Path(config_of_call.Global.output), mode, failure_of(error))
        raise


def loaded(
    mode: str,
    config: StrPath | None,
    values: Values,
    overrides: Overrides | None,
    implied: Values | None = None,
) -> Config:
    """The configuration of a call.

    Args:
        values: By key: the argument, and its value or None.
        implied: By key: what stands where nothing is given, with its origin.
    """
    given = dict(implied or {})
    given |= {key: (f"argument {name}", value) for key, (name, value) in values.items() if value is not None}
    given |= {key: ("overrides", value) for key, value in (overrides or {}).items()}
    given["Global.mode"] = ("function", mode)
    found = app.load(config or run_config(mode, given), (), given)
    for remark in found.remarks:
        log.warning("%s", remark)
    return found.config


def of_dataset(dataset: StrPath | None, model: str | None, output: StrPath | None) -> dict[str, tuple[str, Any]]:
    """The keys that every function has."""
    return {
        "Global.dataset_dir": ("dataset", as_text(dataset)),
        "Global.model": ("model", model),
        "Global.output": ("output", as_text(output)),
    }


def to_check(dataset: StrPath | None, task: Task | None, config: StrPath | None) -> dict[str, tuple[str, Any]]:
    """The model by which a dataset is checked."""
    return model_to_check(as_text(dataset), named_task(task), as_path(config))


def named_task(task: Task | None) -> TaskName | None:
    """The task of a name."""
    return None if task is None else TaskName(task)


def as_path(path: StrPath | None) -> Path | None:
    """The path, if there is one."""
    return None if path is None else Path(path)


def as_text(path: StrPath | None) -> str | None:
    """The path as text, if there is one."""
    return None if path is None else fspath(path)
