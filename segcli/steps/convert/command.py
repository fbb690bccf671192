"""`convert`: a LabelMe folder becomes what segcli trains on, in place, and can be turned back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.formats.labelme_dataset import find_labelme_root, read_labelme_dataset
from segcli.data.journal import signature
from segcli.data.settled import dataset_root, read_settled
from segcli.data.transaction import changing, transaction
from segcli.errors import DatasetError, UsageError
from segcli.models.names import MODEL_TASKS
from segcli.plurals import counted
from segcli.steps.convert.plan import ConversionPlan, ConvertReport
from segcli.tasks import layout_part


def plan_conversion(config: Config) -> ConversionPlan:
    """Everything that a conversion would do, checked, with nothing written.

    Raises:
        ConfigError: The configuration names no dataset.
        UsageError: There is no such folder.
        DatasetError: A change of the dataset was stopped half-way.
        BusyError: Another process is changing it.
    """
    planner = layout_part("convert", MODEL_TASKS[config.Global.model])

    def read() -> ConversionPlan:
        dataset = read_labelme_dataset(folder)
        plan: ConversionPlan = planner(dataset, config.CheckDataset)
        return replace(plan, seen=signature(dataset.root))

    folder = _folder(config)
    return read_settled(folder, read)


def apply_conversion(plan: ConversionPlan) -> ConvertReport:
    """Carries a plan out, whole or not at all; `segcli.data.transaction.undo` takes it back.

    Raises:
        DatasetError: The plan has faults; nothing was written.
        BusyError: Another process changes the dataset, or has changed it since the plan was made.
    """
    if plan.errors:
        raise DatasetError(
            f"{counted(len(plan.errors), 'fault')}; nothing was converted", plan.findings, path=plan.root
        )
    with transaction(plan.root, "convert", plan.seen) as changes:
        made = plan.stage(changes)
    return ConvertReport(plan, made, tuple(changes.changes))


def convert_dataset(config: Config) -> ConvertReport:
    """Converts the dataset of a configuration in place; what it replaces is kept as `.bak`.

    Raises:
        DatasetError: Something in the dataset is wrong; nothing was written, and every fault is listed.
        ConfigError: The configuration names no dataset.
        UsageError: There is no such folder.
        BusyError: Another process changes the dataset; nothing was done.
    """
    with changing(dataset_root(_folder(config), find_labelme_root), "segcli convert"):
        return apply_conversion(plan_conversion(config))


def _folder(config: Config) -> Path:
    folder = config.Global.dataset
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="set Global.dataset_dir")
    return folder
