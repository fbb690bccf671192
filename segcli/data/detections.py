"""What a model found in one image: scores, classes, masks and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
