"""`convert`: a LabelMe folder becomes what segcli trains on, in place, and can be turned back."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.formats.labelme_dataset import read_labelme_dataset
from segcli.data.transaction import transaction
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
    """
    folder = config.Global.dataset
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="set Global.dataset_dir")
    dataset = read_labelme_dataset(folder)
    plan: ConversionPlan = layout_part("convert", MODEL_TASKS[config.Global.model])(dataset, config.CheckDataset)
    return plan


def apply_conversion(plan: ConversionPlan) -> ConvertReport:
    """Carries a plan out, whole or not at all; `segcli.data.transaction.undo` takes it back.

    Raises:
        DatasetError: The plan has faults; nothing was written.
    """
    if plan.errors:
        raise DatasetError(
            f"{counted(len(plan.errors), 'fault')}; nothing was converted", plan.findings, path=plan.root
        )
    with transaction(plan.root, "convert") as changes:
        made = plan.stage(changes)
    return ConvertReport(plan, made, tuple(changes.changes))


def convert_dataset(config: Config) -> ConvertReport:
    """Converts the dataset of a configuration in place; what it replaces is kept as `.bak`.

    Raises:
        DatasetError: Something in the dataset is wrong; nothing was written, and every fault is listed.
        ConfigError: The configuration names no dataset.
        UsageError: There is no such folder.
    """
    return apply_conversion(plan_conversion(config))
