"""What planning a training needs to know of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segcli.config.schema import Config
from segcli.data.fingerprint.labels import Fingerprint
from segcli.plan.choice import Choice, Planner


@dataclass(frozen=True)
class PlanParts:
    """What planning a training needs to know of a task.

    Attributes:
        fingerprint: Reads the dataset of a configuration.
        planner: Plans the small model of the task, which has no recipe of its own.
        balance: Settings of a model with a recipe that depend on the dataset.
        compares_batches: Whether the batch size of the small model is chosen by measuring several.
    """

    fingerprint: Callable[[Config], Fingerprint]
    planner: Planner
    balance: Callable[[Config, Fingerprint], list[Choice]]
    compares_batches: bool
