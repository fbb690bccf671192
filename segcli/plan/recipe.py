"""The plan of a model with a recipe of its own: how long to train, and how often to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.models.task import Task
from segcli.plan.budget import Budget, interval, measured_reason
from segcli.plan.choice import Choice, Cost, Means, Plan


def plan_by_recipe(
    data: Fingerprint, means: Means, cost: Cost, *, task: Task, step_mpx: float, taken: Mapping[str, Any]
) -> Plan:
    """Iterations (semantic) or epochs (instance) that fit, of batches of `step_mpx` million pixels."""
    budget = Budget(means, cost)
    batch = int(taken.get("Train.batch_size") or 2)
    val_mpx = data.val_images * step_mpx / batch
    steps = budget.steps(step_mpx, val_mpx)
    per_epoch = 1 if task is Task.SEMANTIC else max(data.train_images // batch, 1)
    length = int(taken.get("Train.epochs_iters") or max(steps // per_epoch, 1))
    every = interval(length)
    why = (
        budget.reason(length * batch / max(data.train_images, 1))
        if task is Task.SEMANTIC
        else budget.reason_of_epochs(length, per_epoch * step_mpx)
    )
    choices = (
        Choice("Train.epochs_iters", length, why),
        Choice("Train.eval_interval", every, measured_reason(length, every)),
    )
    return Plan(
        tuple(choice for choice in choices if choice.key not in taken),
        budget.seconds_of(length * per_epoch, step_mpx, val_mpx),
        cost,
    )
