"""An image with what is labelled in it, as what can be moved, bent and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.image import Labels, RgbImage, with_channels

Matrix = NDArray[np.float64]
Map = NDArray[np.float32]
GREY = 127
"""Where there is no image."""
_LEAST_VISIBLE = 0.2
"""Share of an object that must stay visible, or it is left out."""
_LEAST_PX = 4

S = TypeVar("S", bound="Scene")


@dataclass(frozen=True)
class Cell:
    """A rectangle of a canvas, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class Scene(Protocol):
    """What augmentations ask of an image and its labels.

    Attributes:
        rgb: uint8 [H, W, 3].
    """

    @property
    def rgb(self) -> RgbImage:
        """The image."""

    def recoloured(self: S, rgb: RgbImage) -> S:
        """The same with an image of other colours."""

    def turned(self: S, quarters: int) -> S:
        """Turned to the left by so many quarters; an odd number exchanges height and width."""

    def moved(self: S, matrix: Matrix, height: int, width: int) -> S:
        """At another scale and place, by a matrix [2, 3] between pixel centres; grey and no label beyond."""

    def bent(self: S, columns: Map, rows: Map) -> S:
        """Each pixel from the place that the maps [H, W] name."""

    def joined(self: S, parts: Sequence[tuple[S, Cell]], height: int, width: int) -> S:
        """A canvas of scenes side by side, each as large as its cell; together they cover it."""


@dataclass(frozen=True)
class LabelScene:
    """An image and its label map.

    Attributes:
        rgb: uint8 [H, W, 3], or bands [H, W, channels].
        mask: uint8 [H, W].
        ignored: Label of what has none.
    """

    rgb: RgbImage
    mask: Labels
    ignored: int

    def recoloured(self, rgb: RgbImage) -> LabelScene:
        """See `Scene`."""
        return replace(self, rgb=rgb)

    def turned(self, quarters: int) -> LabelScene:
        """See `Scene`."""
        return replace(self, rgb=_turned(self.rgb, quarters), mask=_turned(self.mask, quarters))

    def moved(self, matrix: Matrix, height: int, width: int) -> LabelScene:
        """See `Scene`."""
        mask = _moved(self.mask, matrix, (height, width), cv2.INTER_NEAREST, self.ignored)
        return replace(self, rgb=_moved_image(self.rgb, matrix, height, width), mask=mask)

    def bent(self, columns: Map, rows: Map) -> LabelScene:
        """See `Scene`."""
        return replace(
            self, rgb=with_channels(_bent(self.rgb, columns, rows)), mask=_bent(self.mask, columns, rows, labels=True)
        )

    def joined(self, parts: Sequence[tuple[LabelScene, Cell]], height: int, width: int) -> LabelScene:
        """See `Scene`."""
        mask = np.full((height, width), self.ignored, np.uint8)
        for part, cell in parts:
            mask[cell.slices] = part.mask
        return replace(self, rgb=_canvas(parts, height, width), mask=mask)


@dataclass(frozen=True)
class ObjectScene:
    """An image and its objects.

    Attributes:
        rgb: uint8 [H, W, 3].
        masks: uint8 [n, H, W] of 0 and 1; they do not overlap where objects were pasted.
        classes: int32 [n].
    """

    rgb: RgbImage
    masks: NDArray[np.uint8]
    classes: NDArray[np.int32]

    def recoloured(self, rgb: RgbImage) -> ObjectScene:
        """See `Scene`."""
        return replace(self, rgb=rgb)

    def turned(self, quarters: int) -> ObjectScene:
        """See `Scene`."""
        masks = np.ascontiguousarray(np.rot90(self.masks, quarters, axes=(1, 2)))
        return replace(self, rgb=_turned(self.rgb, quarters), masks=masks)

    def moved(self, matrix: Matrix, height: int, width: int) -> ObjectScene:
        """See `Scene`."""
        masks = [_moved(mask, matrix, (height, width), cv2.INTER_NEAREST, 0) for mask in self.masks]
        scale = abs(float(np.linalg.det(matrix[:, :2])))
        return self._of(_moved_image(self.rgb, matrix, height, width), masks, scale * self._areas())

    def bent(self, columns: Map, rows: Map) -> ObjectScene:
        """See `Scene`."""
        masks = [_bent(mask, columns, rows, labels=True) for mask in self.masks]
        return self._of(_bent(self.rgb, columns, rows), masks, self._areas())

    def joined(self, parts: Sequence[tuple[ObjectScene, Cell]], height: int, width: int) -> ObjectScene:
        """See `Scene`."""
        masks = np.zeros((sum(len(part.masks) for part, _ in parts), height, width), np.uint8)
        first = 0
        for part, cell in parts:
            masks[(slice(first, first + len(part.masks)), *cell.slices)] = part.masks
            first += len(part.masks)
        classes = np.concatenate([part.classes for part, _ in parts])
        return ObjectScene(_canvas(parts, height, width), masks, classes)

    def chosen(self, rows: Sequence[int]) -> ObjectScene:
        """With some of the objects alone."""
        return replace(self, masks=self.masks[list(rows)], classes=self.classes[list(rows)])

    def pasted(self, other: ObjectScene) -> ObjectScene:
        """The objects of `other`, of the same size, cut out and put over this image (Ghiasi et al. 2021,
        "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation")."""
        if not len(other.masks):
            return self
        covered = other.masks.max(axis=0)
        soft = cv2.GaussianBlur(covered.astype(np.float32), (3, 3), 0)[..., None]
        rgb = np.asarray(np.rint(other.rgb * soft + self.rgb * (1 - soft)), np.uint8)
        under = self._of(rgb, [mask & (1 - covered) for mask in self.masks], self._areas())
        return replace(
            under,
            masks=np.concatenate([under.masks, other.masks]),
            classes=np.concatenate([under.classes, other.classes]),
        )

    def _areas(self) -> NDArray[np.float64]:
        return np.asarray(self.masks.reshape(len(self.masks), -1).sum(axis=1), np.float64)

    def _of(self, rgb: RgbImage, masks: Sequence[NDArray[np.uint8]], whole: NDArray[np.float64]) -> ObjectScene:
        """The scene without the objects of which too little is left."""
        left = [int(mask.sum()) for mask in masks]
        kept = [
            row
            for row, area in enumerate(left)
            if area >= max(_LEAST_VISIBLE * whole[row], min(_LEAST_PX, whole[row]), 1)
        ]
        stacked = np.stack([masks[row] for row in kept]) if kept else np.zeros((0, *rgb.shape[:2]), np.uint8)
        return ObjectScene(rgb, stacked, self.classes[kept])


def _canvas(parts: Sequence[tuple[Any, Cell]], height: int, width: int) -> RgbImage:
    rgb = np.empty((height, width, parts[0][0].rgb.shape[2]), np.uint8)
    for part, cell in parts:
        rgb[cell.slices] = part.rgb
    return rgb


def _turned(pixels: NDArray[np.uint8], quarters: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def _moved_image(rgb: RgbImage, matrix: Matrix, height: int, width: int) -> RgbImage:
    scale = abs(float(np.linalg.det(matrix[:, :2]))) ** 0.5
    if scale < 1:  # pixels between the sampled ones count as well
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale), np.uint8)
    moved = _moved(rgb, matrix, (height, width), cv2.INTER_LINEAR, (GREY,) * 4)
    return np.asarray(with_channels(moved), np.uint8)


def _moved(pixels: NDArray[np.uint8], matrix: Matrix, size: tuple[int, int], way: int, fill: Any) -> Any:
    height, width = size
    return np.asarray(
        cv2.warpAffine(np.ascontiguousarray(pixels), matrix, (width, height), flags=way, borderValue=fill), np.uint8
    )


def _bent(pixels: NDArray[np.uint8], columns: Map, rows: Map, *, labels: bool = False) -> Any:
    way = cv2.INTER_NEAREST if labels else cv2.INTER_LINEAR
    return np.asarray(cv2.remap(pixels, columns, rows, way, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
