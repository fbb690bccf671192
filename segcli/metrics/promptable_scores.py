"""Accuracy of a promptable network: mean IoU of boxes, of one click and of three clicks, and NoC.

NoC@85 and NoC@90 (Xu et al. 2016, "Deep Interactive Object Selection"; Sofiiuk et al. 2021) are the mean numbers of
clicks after which the IoU is at least 0.85 and 0.90; an object that never reaches it counts the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from segcli.promptable.masks import PromptMask
from segcli.promptable.predictor import Multimask, SamPredictor
from segcli.promptable.prompts import ObjectPrompt, Point
from segcli.promptable.sampling import FloatArray, box_of_mask, central_point, error_point

BoolArray = npt.NDArray[np.bool_]

BOX, BOX_FILLED, POINT, POINT_ORACLE, CLICKS = "box", "box_filled", "point", "point_oracle", "3_clicks"
KINDS = (BOX, BOX_FILLED, POINT, POINT_ORACLE, CLICKS)
"""The box prompt; the filled box used as the mask (the baseline); one click, with the mask that the network
chooses and with the best of its three; three clicks, the later two where the answer is wrong."""

NUM_CLICKS = 3
NOC_THRESHOLDS = (85, 90)
"""IoU in hundredths."""
PROTOCOLS = {
    "miou_box": "the tight box of the true mask, one mask",
    "miou_box_filled": "the filled box used as the mask: the baseline",
    "miou_point": "one click at the deepest place of the true mask; of three masks the one with the best score",
    "miou_point_oracle": "the same click; of three masks the one that fits best",
    "miou_3_clicks": "the same click, then two at the deepest place of the largest error, each with the logits of the "
    "answer before it as the mask prompt (SAM's protocol)",
    **{
        f"noc_{level}": f"clicks as before until the IoU is 0.{level}; an object that never is counts the most clicks"
        for level in NOC_THRESHOLDS
    },
}
"""How each number is measured, by its name in the results."""


@dataclass
class PromptCounts:
    """IoU of each object, for each kind of prompt; mergeable.

    Attributes:
        ious: Kind -> IoU of each object.
        clicks: Level of NoC -> sum of clicks, where they were counted.
        missed: Level of NoC -> objects that never reached it.
    """

    ious: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    clicks: dict[int, int] = field(default_factory=lambda: dict.fromkeys(NOC_THRESHOLDS, 0))
    missed: dict[int, int] = field(default_factory=lambda: dict.fromkeys(NOC_THRESHOLDS, 0))

    def update(self, kind: str, ious: Sequence[float]) -> None:
        """Adds the IoU of objects that were prompted in one way."""
        self.ious[kind].extend(map(float, ious))

    def merge(self, other: PromptCounts) -> None:
        """Adds the objects of another instance."""
        for kind in KINDS:
            self.ious[kind].extend(other.ious[kind])
        for level in NOC_THRESHOLDS:
            self.clicks[level] += other.clicks[level]
            self.missed[level] += other.missed[level]

    def compute(self) -> dict[str, float]:
        """Mean IoU over the objects, by kind, and NoC with its misses; what was not measured is left out."""
        return {name: float(value) for name, value in means_of(self.as_row()).items() if not np.isnan(value)}

    def as_row(self) -> npt.NDArray[np.float64]:
        """What the means follow from, as numbers that add up over images, float64 [2 x kinds + 2 x levels]."""
        sums = [float(np.sum(self.ious[kind])) for kind in KINDS]
        objects = [len(self.ious[kind]) for kind in KINDS]
        noc = [counts[level] for level in NOC_THRESHOLDS for counts in (self.clicks, self.missed)]
        return np.array([*sums, *objects, *noc], np.float64)


def means_of(rows: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    """The means by name of sums of `PromptCounts.as_row` [..., columns]; NaN for what was not measured."""
    kinds = len(KINDS)
    sums, objects, noc = rows[..., :kinds], rows[..., kinds : 2 * kinds], rows[..., 2 * kinds :]
    means = {f"miou_{kind}": _share(sums[..., at], objects[..., at]) for at, kind in enumerate(KINDS)}
    clicked = objects[..., KINDS.index(CLICKS)]
    for place, level in enumerate(NOC_THRESHOLDS):
        clicks, missed = noc[..., 2 * place], noc[..., 2 * place + 1]
        counted = np.where(clicks > 0, clicked, 0)
        means[f"noc_{level}"] = _share(clicks, counted)
        means[f"noc_{level}_missed"] = _share(missed, counted)
    return means


def _share(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    found = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found


def mask_iou(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def evaluate_image(predictor: SamPredictor, masks: Sequence[BoolArray], most_clicks: int = NUM_CLICKS) -> PromptCounts:
    """Prompts the network about the known objects of the image that was set.

    Clicks are deterministic: each goes to the deepest place of what is wrong.

    Args:
        predictor: With the image set.
        masks: ``[H, W]`` each, none empty.
        most_clicks: Clicks per object; more than three measure NoC as well.

    Returns:
        The sums of this image.
    """
    counts = PromptCounts()
    boxes = [box_of_mask(mask) for mask in masks]
    box_prompts = [ObjectPrompt(box=(float(x1), float(y1), float(x2), float(y2))) for x1, y1, x2, y2 in boxes]
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
    _click_on(predictor, masks, list(zip(prompts, chosen, strict=True)), most_clicks, counts)
    return counts


def _click_on(
    predictor: SamPredictor,
    masks: Sequence[BoolArray],
    states: list[tuple[ObjectPrompt, PromptMask]],
    most_clicks: int,
    counts: PromptCounts,
) -> None:
    """Adds further clicks after the first click of each object.

    Objects that reach the highest level of NoC get no more clicks, once the first three are measured.
    """
    needed: list[dict[int, int]] = [{} for _ in masks]
    active = list(range(len(masks)))
    for number in range(1, most_clicks + 1):
        if not active:
            break
        if number > 1:
            prompts = [_corrected(states[i][0], states[i][1].mask, masks[i]) for i in active]
            previous = [states[i][1].logits for i in active]
            answers = predictor.predict(prompts, multimask=Multimask.SINGLE, previous=previous)
            for place, index in enumerate(active):
                states[index] = prompts[place], answers[place]
        ious = {index: mask_iou(states[index][1].mask, masks[index]) for index in active}
        for index, iou in ious.items():
            for level in NOC_THRESHOLDS:
                if iou >= level / 100:
                    needed[index].setdefault(level, number)
        if number == NUM_CLICKS:
            counts.update(CLICKS, list(ious.values()))
        if number >= NUM_CLICKS:
            active = [index for index in active if max(NOC_THRESHOLDS) not in needed[index]]
    if most_clicks > NUM_CLICKS:
        for level in NOC_THRESHOLDS:
            counts.clicks[level] += sum(one.get(level, most_clicks) for one in needed)
            counts.missed[level] += sum(level not in one for one in needed)


def _ious(answers: Sequence[PromptMask], masks: Sequence[BoolArray]) -> list[float]:
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


def _filled(shape: tuple[int, ...], box: FloatArray) -> BoolArray:
    filled = np.zeros(shape, np.bool_)
    x1, y1, x2, y2 = (int(value) for value in box)
    filled[y1:y2, x1:x2] = True
    return filled
