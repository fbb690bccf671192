"""What a model found in one image: scores, classes, masks and boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data.rle import Rle


@dataclass(frozen=True)
class Detections:
    """What a model found in one image, in any order.

    Attributes:
        scores: [N].
        classes: Class ids [N].
        masks: N run-length codes of the size of the image.
        boxes: Left, top, right, bottom in pixels [N, 4]; None for models that give none: the masks' own are taken.
    """

    scores: NDArray[Any]
    classes: NDArray[Any]
    masks: Sequence[Rle]
    boxes: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        columns = (self.scores, self.classes, self.masks, self.scores if self.boxes is None else self.boxes)
        counts = [len(column) for column in columns]
        if len(set(counts)) > 1:
            raise ValueError(f"scores, classes, masks and boxes differ in number: {counts}")

    def chosen(self, places: Iterable[int]) -> Detections:
        """The objects at these places, in this order."""
        kept = np.fromiter(places, np.int64)
        boxes = None if self.boxes is None else self.boxes[kept]
        return Detections(self.scores[kept], self.classes[kept], tuple(self.masks[place] for place in kept), boxes)

    def best_first(self, most: int | None = None) -> Detections:
        """The objects by falling score; `most` is how many are kept, None is all."""
        return self.chosen(np.argsort(-np.asarray(self.scores), kind="stable")[:most])
