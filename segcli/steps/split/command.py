"""`split`: divides the images of both parts anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segcli.config.schema import Config
from segcli.data.journal import signature
from segcli.data.ratios import Shares
from segcli.data.settled import dataset_root, read_settled
from segcli.data.transaction import changing, transaction
from segcli.lazy import load_object
from segcli.models.names import MODEL_TASKS
from segcli.steps.split.plan import SplitPlan, SplitReport
from segcli.tasks import TASKS, layout_part

_FINDERS = {"masks": "segcli.data.formats.masks:find_root", "coco": "segcli.data.formats.coco:find_coco_root"}
"""Layout -> what finds the folder of such a dataset."""


def plan_split(config: Config) -> SplitPlan:
    """The division that a configuration asks for, with nothing written.

    Raises:
        ConfigError: No dataset was given, or the percentages do not make 100.
        DatasetError: The dataset cannot be divided without loss, or a change of it was stopped half-way.
        BusyError: Another process is changing the dataset.
    """
    settings = config.CheckDataset.split
    shares = Shares.checked(settings.train_percent, settings.val_percent)
    planner = layout_part("split", MODEL_TASKS[config.Global.model])
    dataset_dir: Path = config.Global.dataset

    def read() -> SplitPlan:
        plan: SplitPlan = planner(dataset_dir, shares, settings.seed)
        return replace(plan, seen=signature(plan.root))

    return read_settled(dataset_dir, read)


def apply_split(plan: SplitPlan) -> SplitReport:
    """Writes a division, whole or not at all; the old files are kept as `.bak`.

    `segcli.data.transaction.undo` takes it back.

    Raises:
        BusyError: Another process changes the dataset, or has changed it since the plan was made.
    """
    with transaction(plan.root, "split", plan.seen) as changes:
        for name, content in plan.files.items():
            changes.stage(name).write_text(content, encoding="utf-8")
    return SplitReport(plan, tuple(changes.changes))


def split_dataset(config: Config) -> SplitReport:
    """Divides the dataset of a configuration anew; see `plan_split` for the errors."""
    finder = load_object(_FINDERS[TASKS[MODEL_TASKS[config.Global.model]].layout])
    with changing(dataset_root(config.Global.dataset, finder), "segcli split"):
        return apply_split(plan_split(config))
