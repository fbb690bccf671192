"""How a training that is counted in epochs fills its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.plan.balance import sampling_choices
from segcli.plan.budget import MEASUREMENTS, Budget, Validation, interval_choice
from segcli.plan.choice import Choice
from segcli.plurals import counted


@dataclass(frozen=True)
class Epochs:
    """The length of a training.

    Attributes:
        steps: Iterations.
        measurements: How often the network is measured.
        choices: The keys that set it.
    """

    steps: int
    measurements: int
    choices: tuple[Choice, ...]


def plan_epochs(
    budget: Budget, data: Fingerprint, batch: int, *, step_mpx: float, val: Validation, taken: Mapping[str, Any]
) -> Epochs:
    """Epochs that fit into the time; shorter ones where fewer passes over the images fit than there are measurements.

    Args:
        budget: The time.
        data: The dataset.
        batch: Images per iteration.
        step_mpx: Million pixels per iteration.
        val: The validation split.
        taken: Keys that the user has set.
    """
    images = data.train_images
    rare = sampling_choices(data)
    count = budget.measurements(val, MEASUREMENTS, MEASUREMENTS)
    steps = budget.steps(step_mpx, val, count)
    per_epoch = max(min(taken.get("Train.images_per_epoch") or images, images) // batch, 1)
    shortened = False
    if "Train.epochs_iters" in taken:
        length = int(taken["Train.epochs_iters"])
    else:
        shortened = steps < count * per_epoch and "Train.images_per_epoch" not in taken
        per_epoch = max(steps // count, 1) if shortened else per_epoch
        length = max(steps // per_epoch, 1)
    choices = [
        *rare,
        Choice("Train.epochs_iters", length, budget.reason(length * per_epoch * batch / max(images, 1))),
        interval_choice(length, count),
    ]
    if shortened:
        verb = "does" if count == 1 else "do"
        why = f"{counted(count, 'epoch')} of all {images:,} images {verb} not fit into {budget.words}"
        choices.append(Choice("Train.images_per_epoch", per_epoch * batch, why))
    elif rare:
        why = "as many as there are, though some of them come more often"
        choices.append(Choice("Train.images_per_epoch", images, why))
    return Epochs(length * per_epoch, min(count, length), tuple(choices))
