"""How well a promptable network answers: mean IoU of boxes, of one click and of three clicks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from segcli.promptable.masks import PromptedMask
from segcli.promptable.predictor import Multimask, SamPredictor
from segcli.promptable.prompts import ObjectPrompt, Point
from segcli.promptable.sampling import box_of_mask, central_point, error_point

BoolArray = npt.NDArray[np.bool_]

BOX, BOX_FILLED, POINT, POINT_ORACLE, CLICKS = "box", "box_filled", "point", "point_oracle", "3_clicks"
KINDS = (BOX, BOX_FILLED, POINT, POINT_ORACLE, CLICKS)
"""The box prompt; the box itself taken for the mask (what must be beaten); one click, with the mask that the network
chooses and with the best of its three; three clicks, the later two where the answer is wrong."""

NUM_CLICKS = 3


@dataclass
class PromptCounts:
    """Sums of IoU over objects, for each kind of prompt; mergeable.

    Attributes:
        iou_sum: Kind -> sum of IoU.
        objects: Kind -> number of objects.
    """

    iou_sum: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))
    objects: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def update(self, kind: str, ious: Sequence[float]) -> None:
        """Adds the IoU of objects that were prompted in one way."""
        self.iou_sum[kind] += float(np.sum(ious))
        self.objects[kind] += len(ious)

    def merge(self, other: PromptCounts) -> None:
        """Adds another part's sums."""
        for kind in KINDS:
            self.iou_sum[kind] += other.iou_sum[kind]
            self.objects[kind] += other.objects[kind]

    def compute(self) -> dict[str, float]:
        """Mean IoU over the objects, by kind; kinds without objects are left out."""
        return {f"miou_{kind}": self.iou_sum[kind] / count for kind, count in self.objects.items() if count}


def mask_iou(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    either = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / either if either else 1.0


def evaluate_image(predictor: SamPredictor, masks: Sequence[BoolArray]) -> PromptCounts:
    """Prompts the network about the known objects of the image that was set.

    Clicks are deterministic: each goes to the deepest place of what is wrong.

    Args:
        predictor: With the image set.
        masks: ``[H, W]`` each, none empty.

    Returns:
        The sums of this image.
    """
    counts = PromptCounts()
    boxes = [tuple(map(float, box_of_mask(mask))) for mask in masks]
    box_prompts = [ObjectPrompt(box=box) for box in boxes]  # type: ignore[arg-type]
    counts.update(BOX, _ious(predictor.predict(box_prompts, multimask=Multimask.SINGLE), masks))
    counts.update(
        BOX_FILLED, [mask_iou(_filled(mask.shape, box), mask) for mask, box in zip(masks, boxes, strict=True)]
    )
    prompts = [ObjectPrompt(points=(_first_click(mask),)) for mask in masks]
    answers = predictor.predict(prompts, multimask=Multimask.ALL)
    triples = [answers[3 * index : 3 * index + 3] for index in range(len(masks))]
    chosen = [max(triple, key=lambda answer: answer.score) for triple in triples]
    counts.update(POINT, _ious(chosen, masks))
    best = [max(mask_iou(answer.mask, mask) for answer in triple) for triple, mask in zip(triples, masks, strict=True)]
    counts.update(POINT_ORACLE, best)
    for _ in range(NUM_CLICKS - 1):
        prompts = [_corrected(p, a.mask, mask) for p, a, mask in zip(prompts, chosen, masks, strict=True)]
        chosen = predictor.predict(prompts, multimask=Multimask.AUTO)
    counts.update(CLICKS, _ious(chosen, masks))
    return counts


def _ious(answers: Sequence[PromptedMask], masks: Sequence[BoolArray]) -> list[float]:
    return [mask_iou(answer.mask, mask) for answer, mask in zip(answers, masks, strict=True)]


def _first_click(mask: BoolArray) -> Point:
    point = central_point(mask)
    assert point is not None
    return Point(point[0] + 0.5, point[1] + 0.5)


def _corrected(prompt: ObjectPrompt, answer: BoolArray, mask: BoolArray) -> ObjectPrompt:
    click = error_point(answer, mask)
    if click is None:
        return prompt
    return replace(prompt, points=(*prompt.points, Point(click[0] + 0.5, click[1] + 0.5, click[2])))


def _filled(shape: tuple[int, ...], box: tuple[float, ...]) -> BoolArray:
    filled = np.zeros(shape, np.bool_)
    x1, y1, x2, y2 = (int(value) for value in box)
    filled[y1:y2, x1:x2] = True
    return filled
