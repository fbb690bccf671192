"""Targets of the U-Net that finds objects by their centres, made from an image's masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Sample = dict[str, Any]
Mask = NDArray[np.uint8]

_SPREAD = 0.08
"""Deviation of the spot that marks a centre, in roots of the object's area."""
_SPREAD_PX = (0.8, 3.0)
"""Smallest and largest deviation: spots of large objects would rule the loss."""
_CORE = 0.1
"""Radius around the middle, in roots of the area, in which the centre may be found."""
_NEAR_SHARE, _ANYWHERE_SHARE = 0.5, 0.25
_GROUND_SHARE = 3
"""A box grows by its side over this number where pixels near an object are drawn."""


class SeedTargets:
    """Turns the masks of a batch into the targets of `segcli.models.instance.seed_loss`.

    Args:
        num_classes: Classes.
        points: Pixels at which each mask is compared: half of them in and around the box, a quarter anywhere in the
            image, a quarter in the object.
    """

    def __init__(self, num_classes: int, points: int = 256) -> None:
        self._num_classes = num_classes
        self._points = points

    def __call__(self, samples: list[Sample]) -> list[Sample]:
        """The samples with targets of one shape in place of boxes and masks."""
        most = max(1, *(len(sample["gt_segm"]) for sample in samples))
        return [self._of(sample, most) for sample in samples]

    def _of(self, sample: Sample, most: int) -> Sample:
        height, width = sample["image"].shape[-2:]
        maps = np.zeros((2, self._num_classes, height, width), np.float32)
        objects: dict[str, Any] = {name: np.zeros(most, np.int64) for name in ("gt_class", "gt_middle", "gt_seed")}
        objects["gt_filled"] = np.zeros(most, np.float32)
        objects["gt_points"] = np.zeros((most, self._points), np.int64)
        objects["gt_covered"] = np.zeros((most, self._points), np.uint8)
        for row, (mask, label) in enumerate(zip(sample["gt_segm"], sample["gt_class"].reshape(-1), strict=True)):
            rows, columns = np.nonzero(mask)
            if not len(rows):
                continue
            middle = _middle(rows, columns)
            size = float(np.sqrt(len(rows)))
            maps[1, label][rows, columns] = 1
            _mark(maps[0, label], middle, float(np.clip(_SPREAD * size, *_SPREAD_PX)))
            points = self._drawn(rows, columns, (height, width))
            objects["gt_class"][row] = label
            objects["gt_middle"][row] = middle[0] * width + middle[1]
            objects["gt_seed"][row] = _seed(rows, columns, middle, _CORE * size, width)
            objects["gt_filled"][row] = 1
            objects["gt_points"][row] = points
            objects["gt_covered"][row] = mask.reshape(-1)[points]
        kept = {name: value for name, value in sample.items() if not name.startswith("gt_") and name != "is_crowd"}
        return {**kept, "gt_centre": maps[0], "gt_inside": maps[1].astype(np.uint8), **objects}

    def _drawn(self, rows: NDArray[Any], columns: NDArray[Any], size: tuple[int, int]) -> NDArray[np.int64]:
        """Numbers of the pixels at which a mask is compared."""
        near, anywhere = int(self._points * _NEAR_SHARE), int(self._points * _ANYWHERE_SHARE)
        own = np.random.randint(len(rows), size=self._points - near - anywhere)
        parts = []
        for places, length in ((rows, size[0]), (columns, size[1])):
            low, high = int(places.min()), int(places.max()) + 1
            margin = max(2, (high - low) // _GROUND_SHARE)
            around = np.random.randint(max(0, low - margin), min(length, high + margin), near)
            parts.append(np.concatenate([around, np.random.randint(length, size=anywhere), places[own]]))
        return np.asarray(parts[0] * size[1] + parts[1], np.int64)


def _middle(rows: NDArray[Any], columns: NDArray[Any]) -> tuple[int, int]:
    """The pixel of an object that is nearest to its centre of mass."""
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return int(rows[nearest]), int(columns[nearest])


def _seed(rows: NDArray[Any], columns: NDArray[Any], middle: tuple[int, int], radius: float, width: int) -> int:
    """A pixel of the object at or near its middle: where a centre is found is not exact."""
    near = np.flatnonzero((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 <= max(radius, 1.0) ** 2)
    chosen = near[np.random.randint(len(near))]
    return int(rows[chosen] * width + columns[chosen])


def _mark(heat: NDArray[np.float32], middle: tuple[int, int], deviation: float) -> None:
    """Draws a Gaussian spot of height 1; where spots meet the higher value stays."""
    reach = int(3 * deviation) + 1
    top, left = (max(0, place - reach) for place in middle)
    patch = heat[top : middle[0] + reach + 1, left : middle[1] + reach + 1]
    y = np.arange(top, top + patch.shape[0])[:, None] - middle[0]
    x = np.arange(left, left + patch.shape[1])[None, :] - middle[1]
    np.maximum(patch, np.exp(-(y**2 + x**2) / (2 * deviation**2)), out=patch)
