"""The plan of a semantic training from few images and random weights: the small U-Net at a reduced image size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.plan.augment import augment_choices, colours
from segcli.plan.balance import sampling_choices
from segcli.plan.batch import choose_batch
from segcli.plan.budget import Budget, Validation, interval_choice, upright_reason
from segcli.plan.choice import Choice, Cost, Means, Plan

WANTED_IMAGES = 2000
"""Images that a network seen from random weights should be shown before its schedule ends."""
_STEP = 16
_SIDES = (128, 512)


def plan_semantic(data: Fingerprint, means: Means, cost: Cost, taken: Mapping[str, Any]) -> Plan:
    """A plan for the small U-Net; keys that the user has set are in `taken` and are not changed."""
    chosen, why = choose_batch(cost.by_batch, data.train_images)
    batch = int(taken.get("Train.batch_size") or chosen)
    budget = Budget(means, cost.of_batch(batch))
    per_step = batch * int(taken.get("Train.accumulate") or 1)
    height, width = _input_size(data, budget, taken)
    mpx = height * width / 1e6
    val = Validation(data.val_images, data.val_images * mpx)
    count = budget.measurements(val)
    iterations = taken.get("Train.epochs_iters") or budget.steps(per_step * mpx, val, count)
    passes = iterations * per_step / max(data.train_images, 1)
    upright = data.upright > Budget.UPRIGHT
    choices = [
        Choice(
            "Train.input_shape",
            [1, 3, height, width],
            f"images of {data.width_px} x {data.height_px} px are seen at {width} x {height}, so that "
            f"{shown(iterations * per_step)} of them fit into {budget.words}: that teaches more than detail does",
        ),
        Choice("Train.batch_size", batch, why),
        Choice("Train.epochs_iters", iterations, budget.reason(passes)),
        interval_choice(iterations, count),
        Choice("Train.warmup_steps", max(10, iterations // 20), "a twentieth of the training"),
        Choice(
            "Train.transforms", _transforms((width, height), upright, passes), upright_reason(data.upright, upright)
        ),
        *sampling_choices(data),
        *augment_choices(passes),
    ]
    length = (iterations, per_step * mpx, val, count)
    return Plan(
        tuple(choice for choice in choices if choice.key not in taken),
        budget.seconds_of(*length),
        cost,
        budget.short(*length),
    )


def shown(number: float) -> str:
    """With thousands set apart."""
    return f"{round(number):,}"


def _input_size(data: Fingerprint, budget: Budget, taken: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width in whole strides, with the ratio of a typical image."""
    if taken.get("Train.input_shape"):
        return int(taken["Train.input_shape"][2]), int(taken["Train.input_shape"][3])
    area = budget.pixels() / WANTED_IMAGES
    side = min(max(area**0.5, _SIDES[0]), _SIDES[1], (data.width_px * data.height_px) ** 0.5)
    ratio = (data.width_px / max(data.height_px, 1)) ** 0.5
    return _whole(side / ratio), _whole(side * ratio)


def _whole(side: float) -> int:
    return max(round(side / _STEP), 2) * _STEP


def _transforms(size: tuple[int, int], upright: bool, passes: float) -> list[dict[str, Any]]:
    flips = [{"type": "RandomHorizontalFlip"}, *([] if upright else [{"type": "RandomVerticalFlip"}])]
    return [
        {"type": "Resize", "target_size": list(size), "interp": "AREA"},
        *flips,
        colours(passes),
        {"type": "Normalize"},
    ]
