"""The command check_dataset: converts and splits the dataset if configured, then checks it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segcli.config.schema import Config
from segcli.data.changes.settled import read_settled
from segcli.data.dataset_folder import require_folder
from segcli.errors import DatasetError, UsageError
from segcli.findings import has_errors
from segcli.garbage import HARDLY_EVER, collecting_rarely
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.report.sarif import write_sarif
from segcli.results import PreparationReport
from segcli.tasks import TASKS, step_part
from segcli.weights.guest_home import exported_in

if TYPE_CHECKING:
    from segcli.steps.check.result import CheckResult

log = logging.getLogger("segcli.check")


def check_dataset(config: Config) -> CheckResult:
    """Prepares and checks the dataset of a configuration.

    Faults of the data are returned in the result, not raised.

    Raises:
        ConfigError: The configuration names no dataset.
        DatasetError: There is no dataset, it cannot be converted or split, or an earlier change was interrupted.
        BusyError: Another process is changing it.
        UsageError: The model needs no dataset.
    """
    task = get_spec(config.Global.model).task
    if task not in TASKS:
        raise UsageError(f"{config.Global.model} needs no dataset", hint="check_dataset is for models that are trained")
    preparation: dict[str, PreparationReport] = {}
    if config.CheckDataset.convert.enable:
        from segcli.steps.convert.command import convert_dataset

        preparation["conversion"] = convert_dataset(config)
    if config.CheckDataset.split.enable:
        from segcli.steps.split.command import split_dataset

        preparation["split"] = split_dataset(config)
    result = _checked(config, task)
    return replace(_with_model(result, config, task), preparation=preparation)


def _with_model(result: CheckResult, config: Config, task: Task) -> CheckResult:
    """Adds the images whose labels a model contradicts, if a model is given and the dataset has no errors."""
    given = config.CheckDataset.with_model
    if given is None:
        return result
    if has_errors(result.findings):
        log.warning("labels are not compared with the model, as the dataset has errors")
        return result
    from segcli.steps.check.gallery import write_gallery
    from segcli.steps.check.label_quality.frame import ranked_labels

    folder = exported_in(Path(given).expanduser())
    ranked = ranked_labels(config, folder, task)
    return replace(result, label_quality=write_gallery(ranked, folder, Path(config.Global.output)))


@collecting_rarely(HARDLY_EVER)
def _checked(config: Config, task: Task) -> CheckResult:
    """The check of the task; the SARIF file is also written if the check ends with an error."""
    sarif = config.CheckDataset.sarif
    try:
        require_folder(config.Global.dataset)
        result: CheckResult = read_settled(config.Global.dataset, lambda: step_part("check", task)(config))
    except DatasetError as error:
        if sarif is not None:
            write_sarif(error.findings, config.Global.dataset, Path(sarif))
        raise
    if sarif is not None:
        write_sarif(result.findings, Path(result.dataset_path), Path(sarif))
    return result
