"""Uncertainty of an instance model: undecided scores, and objects that are missing on the mirrored image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.labelme_writer import outline_shapes
from segcli.data.image import RgbImage
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.steps.predict.instance import InstancePredictor
from segcli.steps.suggest.look import GRID, Look, binary_entropy, colours_of, confidence

DOUBTFUL = 0.1
"""Lowest score of an object that counts for the uncertainty."""
MOST_OBJECTS = 100
"""Most objects per image that are used, those with the highest scores."""


def suggest_instance(predictor: InstancePredictor) -> InstanceLooker:
    """The looker of an instance model."""
    return InstanceLooker(predictor)


@dataclass(frozen=True)
class InstanceLooker:
    """See `segcli.steps.suggest.look.Looker`.

    Attributes:
        predictor: The opened model; its threshold applies to the proposals.
    """

    predictor: InstancePredictor

    def look(self, rgb: RgbImage) -> Look:
        """See `Looker.look`; both numbers are means over the objects of both views."""
        doubtful = replace(self.predictor, settings=self.predictor.settings.model_copy(update={"threshold": DOUBTFUL}))
        seen = doubtful.find(rgb).best_first(MOST_OBJECTS)
        mirrored = doubtful.find(np.ascontiguousarray(rgb[:, ::-1])).best_first(MOST_OBJECTS)
        scores, overlaps = matched(seen, _unmirrored(mirrored))
        size = rgb.shape[1], rgb.shape[0]
        return Look(
            float(binary_entropy(scores).mean()) if scores.size else 0.0,
            float((1 - overlaps).mean()) if overlaps.size else 0.0,
            colours_of(rgb),
            _layout(seen, len(self.predictor.classes), size),
        )

    def propose(self, rgb: RgbImage) -> list[dict[str, Any]]:
        """See `Looker.propose`."""
        found = self.predictor.find(rgb)
        objects = zip(found.masks, found.classes, found.scores, strict=True)
        return [
            shape
            for number, (code, class_id, score) in enumerate(objects, start=1)
            for shape in outline_shapes(
                self.predictor.classes.name_of(int(class_id)),
                TracedMask(code),
                number,
                description=confidence(float(score)),
            )
        ]

    def labelled_images(self, dataset: Path) -> list[Path]:
        """See `Looker.labelled_images`."""
        return [sample.image for sample in open_instance_dataset(dataset).samples(Split.TRAIN)]


def matched(one: Detections, other: Detections) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matches the objects of two views of an image: same class, largest overlap.

    Returns:
        The mean score of each object, with 0 for a view without it, and the IoU of its two masks, 0 likewise.
    """
    scores: list[float] = []
    overlaps: list[float] = []
    table = rle.overlaps(one.masks, other.masks, [False] * len(other.masks))
    table[np.not_equal.outer(one.classes, other.classes)] = 0
    free = np.ones(len(other.masks), bool)
    for place, score in enumerate(one.scores):
        row = np.where(free, table[place], 0.0) if len(free) else np.zeros(0)
        best = int(row.argmax()) if row.size and row.max() > 0 else None
        if best is not None:
            free[best] = False
        scores.append((float(score) + (0.0 if best is None else float(other.scores[best]))) / 2)
        overlaps.append(0.0 if best is None else float(row[best]))
    lonely = [float(score) / 2 for score in other.scores[free]]
    return np.array(scores + lonely), np.array(overlaps + [0.0] * len(lonely))


def _unmirrored(found: Detections) -> Detections:
    masks = tuple(rle.encode(np.asfortranarray(rle.decode(code)[:, ::-1])) for code in found.masks)
    return Detections(found.scores, found.classes, masks, None)


def _layout(found: Detections, classes: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Sum of object scores per class and grid cell; an object belongs to the cell of its centre."""
    table = np.zeros((classes, GRID, GRID), np.float32)
    for code, class_id, score in zip(found.masks, found.classes, found.scores, strict=True):
        left, top, width, height = rle.bounding_box(code)
        column = int((left + width / 2) / size[0] * GRID)
        row = int((top + height / 2) / size[1] * GRID)
        table[int(class_id), min(row, GRID - 1), min(column, GRID - 1)] += float(score)
    return table.ravel()
