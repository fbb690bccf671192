"""The plan of an instance training from few images and random weights: the U-Net that finds objects by their cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segcli.data.fingerprint.labels import Fingerprint
from segcli.models.instance.training import SEED_COLOURS
from segcli.plan.budget import Budget, Validation, upright_reason
from segcli.plan.choice import Choice, Cost, Means, Plan
from segcli.plan.epochs import plan_epochs

_BATCH = 4
_STEP = 32
_SIDES = (192, 512)
_SMALL_OBJECT_PX = 12.0
"""Size that the smaller objects (the first quarter) should have in the input."""
_VISIBLE_PX = 4.0
"""Size of an object in the input below which little of its shape is left."""
_WANTED_IMAGES = 3000
"""Images that the network should be shown before its schedule ends."""
_CONTEXT, _SMALLEST_CROP = 8, 128
"""What is cut out of an image to learn from: so many times the size of a usual object, in pixels at least."""


def plan_instance(data: Fingerprint, means: Means, cost: Cost, taken: Mapping[str, Any]) -> Plan:
    """A plan for the small network with seeds; keys that the user has set are in `taken` and are not changed."""
    budget = Budget(means, cost)
    batch = int(taken.get("Train.batch_size") or min(_BATCH, max(data.train_images, 1)))
    side, why = _side(data, budget)
    side = int(taken.get("Train.input_size") or side)
    crop = _crop(data, side)
    mpx, val = crop * crop / 1e6, Validation(data.val_images, data.val_images * side * side / 1e6)
    epochs = plan_epochs(budget, data, batch, step_mpx=batch * mpx, val=val, taken=taken)
    upright = data.upright > Budget.UPRIGHT
    warp = {"type": "WarpWithMasks", "size": side, "crop": crop, **({"flip": 0.0} if upright else {"turn": 0.5})}
    reason = upright_reason(data.upright, upright)
    choices = [
        Choice("Train.input_size", side, why),
        Choice("Train.batch_size", batch, "more steps in the same time teach more than larger batches"),
        *epochs.choices,
        Choice("Train.warmup_steps", max(10, epochs.steps // 20), "a twentieth of the training"),
        Choice("Train.transforms", [warp, dict(SEED_COLOURS)], f"{_crop_reason(side, crop)}; {reason}"),
    ]
    length = (epochs.steps, batch * mpx, val, epochs.measurements)
    return Plan(
        tuple(choice for choice in choices if choice.key not in taken),
        budget.seconds_of(*length),
        cost,
        budget.short(*length),
    )


def _side(data: Fingerprint, budget: Budget) -> tuple[int, str]:
    """Side of the square input, and why."""
    small = max(data.object_px[0], 1.0)
    usual, for_objects = (budget.pixels() / _WANTED_IMAGES) ** 0.5, data.long_side_px * _SMALL_OBJECT_PX / small
    side = min(max(usual, for_objects, _SIDES[0]), _SIDES[1], max(data.long_side_px, _SIDES[0]))
    whole = _whole(side)
    seen = small * whole / data.long_side_px
    reason = (
        f"large enough for small objects: a quarter of them are below {small:.0f} px, which are {seen:.0f} px in the "
        f"input; and no larger than {budget.words} allow for {_WANTED_IMAGES:,} images, unless they need it"
    )
    if seen < _VISIBLE_PX:
        reason += (
            f". So small they can hardly be found: Train.input_size={_whole(for_objects)} shows them at "
            f"{_SMALL_OBJECT_PX:.0f} px and takes longer to measure"
        )
    return whole, reason


def _crop(data: Fingerprint, side: int) -> int:
    """Side of the square that is cut out of the input to learn from."""
    usual = data.object_px[1] * side / data.long_side_px
    return min(_whole(max(_CONTEXT * usual, _SMALLEST_CROP)), side)


def _crop_reason(side: int, crop: int) -> str:
    if crop == side:
        return "objects are large, so whole images are shown"
    share = crop**2 / side**2
    return f"squares of {crop} px show objects and what is around them, and take {share:.0%} of the time"


def _whole(side: float) -> int:
    return max(round(side / _STEP), 2) * _STEP
