"""`split`: divides the images of both parts anew."""

from __future__ import annotations

from segcli.config.schema import Config
from segcli.data.ratios import Shares
from segcli.data.transaction import transaction
from segcli.models.names import MODEL_TASKS
from segcli.steps.split.plan import SplitPlan, SplitReport
from segcli.tasks import layout_part


def plan_split(config: Config) -> SplitPlan:
    """The division that a configuration asks for, with nothing written.

    Raises:
        ConfigError: No dataset was given, or the percentages do not make 100.
        DatasetError: The dataset cannot be divided without loss.
    """
    settings = config.CheckDataset.split
    shares = Shares.checked(settings.train_percent, settings.val_percent)
    planner = layout_part("split", MODEL_TASKS[config.Global.model])
    plan: SplitPlan = planner(config.Global.dataset, shares, settings.seed)
    return plan


def apply_split(plan: SplitPlan) -> SplitReport:
    """Writes a division, whole or not at all; the old files are kept as `.bak`.

    `segcli.data.transaction.undo` takes it back.
    """
    with transaction(plan.root, "split") as changes:
        for name, content in plan.files.items():
            changes.stage(name).write_text(content, encoding="utf-8")
    return SplitReport(plan, tuple(changes.changes))


def split_dataset(config: Config) -> SplitReport:
    """Divides the dataset of a configuration anew; see `plan_split` for the errors."""
    return apply_split(plan_split(config))
