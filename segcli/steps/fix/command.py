"""`fix`: repairs the faults of a dataset that have an automatic repair, all or none; `undo` reverts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segcli.data.changes.journal import signature
from segcli.data.changes.settled import dataset_root, read_settled
from segcli.data.changes.transaction import changing, transaction
from segcli.errors import DatasetError, UsageError
from segcli.findings import Finding
from segcli.lazy import load_object
from segcli.models.task import Task
from segcli.rules import RULES
from segcli.steps.fix.layouts import Layout, layout_of
from segcli.steps.fix.plan import FixPlan, FixReport
from segcli.steps.fix.table import REPAIRS, SEEKING, repair_of


def plan_fix(dataset_dir: Path, task: Task, *, num_classes: int | None = None, select: Sequence[str] = ()) -> FixPlan:
    """Plans the repairs of a dataset; writes nothing.

    Args:
        dataset_dir: Folder of the dataset, or one above it.
        task: Task that the labels are for.
        num_classes: Number of classes, where a configuration gives it.
        select: Rule ids or prefixes of them; empty selects all rules with a repair.

    Raises:
        UsageError: There is no such rule, or it has no repair.
        DatasetError: There is no dataset, or an earlier change of it was interrupted.
        BusyError: Another process is changing it.
    """
    wanted = _selected(select)
    layout = layout_of(dataset_dir, task, select)

    def read() -> FixPlan:
        root, findings = _look(layout, dataset_dir, num_classes)
        repairable = tuple(found for found in findings if found.code in wanted)
        draft = layout.draft(root)
        for rule in REPAIRS:
            own = [found for found in repairable if found.code == rule]
            if own or (draft.actions and rule in SEEKING & wanted):
                repair_of(rule)(draft, rule, own)
        return FixPlan(root, draft, findings, repairable, signature(root), layout)

    return read_settled(dataset_dir, read)


def apply_fix(plan: FixPlan, *, num_classes: int | None = None) -> FixReport:
    """Applies the repairs of a plan, all or none, and checks the dataset again.

    Raises:
        BusyError: Another process changes the dataset, or a file has changed since the plan was made.
    """
    with transaction(plan.root, "fix", plan.seen) as changes:
        plan.draft.stage(changes)
    _, findings = read_settled(plan.root, lambda: _look(plan.layout, plan.root, num_classes))
    return FixReport(plan, tuple(changes.changes), findings)


def fix_dataset(
    dataset_dir: Path, task: Task, *, num_classes: int | None = None, select: Sequence[str] = ()
) -> FixReport:
    """Plans and applies the repairs of a dataset; see `plan_fix` and `apply_fix` for arguments and errors."""
    with changing(root_of(dataset_dir, task, select), "segcli fix"):
        plan = plan_fix(dataset_dir, task, num_classes=num_classes, select=select)
        return apply_fix(plan, num_classes=num_classes)


def root_of(dataset_dir: Path, task: Task, select: Sequence[str] = ()) -> Path:
    """The folder that a repair changes: that of the lists or annotations, or `dataset_dir` if none is found."""
    try:
        return dataset_root(dataset_dir, layout_of(dataset_dir, task, select).find)
    except DatasetError:
        return dataset_dir


def _look(layout: Layout, dataset_dir: Path, num_classes: int | None) -> tuple[Path, tuple[Finding, ...]]:
    """The dataset's folder and its findings, including repairable ones that stop the check."""
    try:
        return layout.find(dataset_dir), load_object(layout.examine)(dataset_dir, num_classes).findings
    except DatasetError as fault:
        if not fault.findings or not any(found.code in REPAIRS for found in fault.findings):
            raise
        return dataset_dir, fault.findings


def _selected(select: Sequence[str]) -> frozenset[str]:
    """Ids of the selected rules that have a repair."""
    wanted: set[str] = set()
    for word in (part.strip().upper() for text in select for part in text.split(",")):
        matching = {rule for rule in REPAIRS if rule.startswith(word)}
        if not word or not matching:
            known = [rule for rule in RULES if word and rule.startswith(word)]
            by_hand = f"{word} is repaired by hand: {RULES[word].remedy}" if word in known else None
            what = by_hand or f"no repair exists for rule {word!r}"
            raise UsageError(what, hint=f"rules with a repair: {', '.join(sorted(REPAIRS))}")
        wanted |= matching
    return frozenset(wanted or REPAIRS)
