"""SOLOv2's targets: the grid cells that predict each object, and its small mask; as PaddleDetection's, but faster.

PaddleDetection computes the centre of mass with coordinate arrays of the image's size and shrinks the mask, both once
per object and grid; here the centre is computed inside the object's box, and both only once per object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Sample = dict[str, Any]
Mask = NDArray[np.uint8]
_USED_UP = ("is_crowd", "gt_class", "gt_bbox", "gt_poly", "gt_segm")


@dataclass(frozen=True)
class _Shape:
    """An object as the grids need it: its centre of mass in pixels, and its shrunk mask."""

    x: float
    y: float
    small: Mask


@dataclass
class _Cells:
    """The targets of one grid for one image."""

    classes: NDArray[np.int64]
    masks: list[Mask] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    hit: set[int] = field(default_factory=set)


class GridTargets:
    """PaddleDetection's `Gt2Solov2Target`, with the same outputs.

    Args:
        num_grids: Cells along each side, per grid.
        scale_ranges: Smallest and largest size in pixels of the objects that each grid predicts.
        coord_sigma: Share of an object's box, around its centre, whose cells predict it.
        sampling_ratio: Factor by which masks are shrunk.
    """

    def __init__(
        self,
        num_grids: Sequence[int] = (40, 36, 24, 16, 12),
        scale_ranges: Sequence[Sequence[int]] = ((1, 96), (48, 192), (96, 384), (192, 768), (384, 2048)),
        coord_sigma: float = 0.2,
        sampling_ratio: float = 4.0,
    ) -> None:
        self._grids = tuple(num_grids)
        self._ranges = tuple(scale_ranges)
        self._sigma = coord_sigma
        self._ratio = sampling_ratio

    def __call__(self, samples: list[Sample]) -> list[Sample]:
        """The samples with ``ins_label``, ``cate_label``, ``grid_order`` of each grid and ``fg_num``."""
        counts = [0] * len(self._grids)
        for number, sample in enumerate(samples):
            for index, most in enumerate(self._add_targets(sample, number)):
                counts[index] = max(counts[index], most)
            for name in _USED_UP:
                sample.pop(name, None)
        for sample in samples:
            for index, count in enumerate(counts):
                for name in (f"ins_label{index}", f"grid_order{index}"):
                    sample[name] = _padded(sample[name], count)
        return samples

    def _add_targets(self, sample: Sample, number: int) -> list[int]:
        """Adds the targets of an image; returns the number of masks per grid, 0 where no object is in its range."""
        height, width = sample["image"].shape[1:]
        size = int(height / self._ratio), int(width / self._ratio)
        boxes = sample["gt_bbox"]
        sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        shapes: dict[int, _Shape | None] = {}
        counts, found = [], 0
        for index, (grid, (low, high)) in enumerate(zip(self._grids, self._ranges, strict=True)):
            cells = _Cells(np.zeros((grid, grid), np.int64))
            chosen = np.flatnonzero((sides >= low) & (sides <= high))
            for place in map(int, chosen):
                if place not in shapes:
                    shapes[place] = self._shape(sample["gt_segm"][place], size)
                shape = shapes[place]
                if shape is not None:
                    half = 0.5 * (boxes[place, 2:] - boxes[place, :2]) * self._sigma
                    self._hit(cells, grid, shape, half, int(sample["gt_class"][place, 0]) + 1)
            masks = cells.masks or [np.zeros(size, np.uint8)]
            sample[f"cate_label{index}"] = cells.classes.flatten()
            sample[f"ins_label{index}"] = np.stack(masks)
            order = cells.order or [0]
            sample[f"grid_order{index}"] = np.asarray([number * grid * grid + cell for cell in order], np.int32)
            counts.append(len(masks) if len(chosen) else 0)
            found += len(cells.hit)
        sample["fg_num"] = np.int64(found)
        return counts

    def _shape(self, mask: Mask, size: tuple[int, int]) -> _Shape | None:
        mask = np.ascontiguousarray(mask, np.uint8)
        left, top, width, height = cv2.boundingRect(mask)
        if not width:
            return None
        moments = cv2.moments(np.ascontiguousarray(mask[top : top + height, left : left + width]), binaryImage=True)
        scale = 1.0 / self._ratio
        shrunk = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        small = np.zeros(size, np.uint8)
        small[: shrunk.shape[0], : shrunk.shape[1]] = shrunk
        return _Shape(left + moments["m10"] / moments["m00"], top + moments["m01"] / moments["m00"], small)

    @staticmethod
    def _hit(cells: _Cells, grid: int, shape: _Shape, half: NDArray[np.float32], class_id: int) -> None:
        """Assigns an object to the cells around its centre, at most 3 x 3."""
        height, width = shape.small.shape
        rows = _cells_of(shape.y, float(half[1]), height * 4, grid)
        columns = _cells_of(shape.x, float(half[0]), width * 4, grid)
        cells.classes[rows.start : rows.stop, columns.start : columns.stop] = class_id
        for row in rows:
            for column in columns:
                cell = row * grid + column
                cells.masks.append(shape.small)
                cells.order.append(cell)
                cells.hit.add(cell)


def _cells_of(centre: float, half: float, side: int, grid: int) -> range:
    """The cells along one axis within `half` pixels of a centre, at most one away from the centre's own cell."""

    def cell(position: float) -> int:
        return int((position / side) // (1.0 / grid))

    first, last = max(0, cell(centre - half)), min(grid - 1, cell(centre + half))
    return range(max(first, cell(centre) - 1), min(last, cell(centre) + 1) + 1)


def _padded(values: NDArray[Any], count: int) -> NDArray[Any]:
    """The values with the first axis padded with zeros, or cut, to `count`."""
    padded = np.zeros((count, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values[:count]
    return padded
