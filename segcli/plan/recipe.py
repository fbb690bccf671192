"""The plan of a model with a recipe of its own: how long to train, and how often to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.models.task import Task
from segcli.plan.balance import sampling_choices
from segcli.plan.budget import MEASUREMENTS, Budget, Validation, interval_choice
from segcli.plan.choice import Choice, Cost, Means, Plan
from segcli.plan.epochs import Epochs, plan_epochs

WANTED_STEPS = 200
"""Steps below which a network with a recipe has learnt little, from trained weights too."""


def plan_by_recipe(
    data: Fingerprint, means: Means, cost: Cost, *, task: Task, step_mpx: float, taken: Mapping[str, Any]
) -> Plan:
    """Iterations (semantic) or epochs (instance) that fit, of batches of `step_mpx` million pixels."""
    budget = Budget(means, cost)
    batch = int(taken.get("Train.batch_size") or 2)
    val = Validation(data.val_images, data.val_images * step_mpx / batch)
    plan = plan_epochs if task.facts.counts_epochs else _iterations
    length = plan(budget, data, batch, step_mpx=step_mpx, val=val, taken=taken)
    size = (length.steps, step_mpx, val, length.measurements)
    return Plan(
        tuple(choice for choice in length.choices if choice.key not in taken),
        budget.seconds_of(*size),
        cost,
        budget.short(*size, wanted=WANTED_STEPS),
    )


def _iterations(
    budget: Budget, data: Fingerprint, batch: int, *, step_mpx: float, val: Validation, taken: Mapping[str, Any]
) -> Epochs:
    """Like `plan_epochs`, counted in iterations."""
    count = budget.measurements(val, MEASUREMENTS, MEASUREMENTS)
    steps = int(taken.get("Train.epochs_iters") or budget.steps(step_mpx, val, count))
    return Epochs(
        steps,
        count,
        (
            *sampling_choices(data),
            Choice("Train.epochs_iters", steps, budget.reason(steps * batch / max(data.train_images, 1))),
            interval_choice(steps, count),
        ),
    )
