"""The plan of an instance training from few images and random weights: the U-Net that finds centres of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.plan.budget import Budget, interval, upright_reason
from segcli.plan.choice import Choice, Cost, Means, Plan

MODEL = "SeedUNet-S"
_BATCH = 4
_STEP = 32
_SIDES = (192, 512)
_SMALL_OBJECT_PX = 14.0
"""Size that the smaller objects (the first quarter) should have in the input."""
_WANTED_IMAGES, _FEWEST_IMAGES = 1500, 900
"""Images that the network should be shown before its schedule ends, and for the sake of small objects at least."""


def plan_instance(data: Fingerprint, means: Means, cost: Cost, taken: Mapping[str, Any]) -> Plan:
    """A plan for `MODEL`; keys that a person has set are in `taken` and are left to it."""
    budget = Budget(means, cost)
    batch = int(taken.get("Train.batch_size") or min(_BATCH, max(data.train_images, 1)))
    side, why = _side(data, budget)
    side = int(taken.get("Train.input_size") or side)
    per_epoch = max(data.train_images // batch, 1)
    mpx = side * side / 1e6
    steps = budget.steps(batch * mpx, data.val_images * mpx)
    epochs = int(taken.get("Train.epochs_iters") or max(steps // per_epoch, 1))
    upright = data.upright > Budget.UPRIGHT
    warp = {"type": "WarpWithMasks", "size": side, **({"flip": 0.0} if upright else {})}
    colours = {"type": "RandomDistort", "hue": [-9, 9, 0.5], "random_channel": False}
    choices = [
        Choice("Train.input_size", side, why),
        Choice("Train.batch_size", batch, "more steps in the same time teach more than larger batches"),
        Choice("Train.epochs_iters", epochs, budget.reason(epochs)),
        Choice("Train.eval_interval", interval(epochs), "six measurements, of which the best weights are kept"),
        Choice("Train.warmup_steps", max(10, epochs * per_epoch // 20), "a twentieth of the training"),
        Choice("Train.transforms", [warp, colours], upright_reason(data.upright, upright)),
    ]
    return Plan(
        tuple(choice for choice in choices if choice.key not in taken),
        budget.seconds_of(epochs * per_epoch, batch * mpx, data.val_images * mpx),
        cost,
    )


def _side(data: Fingerprint, budget: Budget) -> tuple[int, str]:
    """Side of the square input, and why."""
    small = max(data.object_px[0], 1.0)
    usual, at_most = ((budget.pixels() / images) ** 0.5 for images in (_WANTED_IMAGES, _FEWEST_IMAGES))
    for_objects = min(data.long_side_px * _SMALL_OBJECT_PX / small, at_most)
    side = min(max(usual, for_objects, _SIDES[0]), _SIDES[1], max(data.long_side_px, _SIDES[0]))
    whole = max(round(side / _STEP), 2) * _STEP
    seen = small * whole / data.long_side_px
    return whole, (
        f"as large as {budget.words} allow for enough images and small objects: a quarter of the objects are below "
        f"{small:.0f} px, which are {seen:.0f} px in the input"
    )
