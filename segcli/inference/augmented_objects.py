"""Test-time augmentation of instance networks: several views of an image, their objects merged by their boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import ViewsConfig
from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.image import RgbImage
from segcli.inference.augmented import fixed_size_error
from segcli.inference.instance_input import PreparedImage, prepare
from segcli.models.spec import Preprocess

SAME_IOU = 0.55
"""Smallest IoU of boxes at which objects of two views are the same; the default of weighted boxes fusion."""


@dataclass(frozen=True)
class ObjectViews:
    """The views in which a network predicts images.

    Attributes:
        preprocess: How images become its input.
        views: Whether images are mirrored, and in which sizes they are predicted.
    """

    preprocess: Preprocess
    views: ViewsConfig = field(default_factory=ViewsConfig)

    def __post_init__(self) -> None:
        if self.views.scaled and self.preprocess.size is not None and not self.preprocess.keep_ratio:
            raise fixed_size_error(self.preprocess.size)

    def prepare(self, rgb: RgbImage) -> list[PreparedImage]:
        """The inputs of all views of an image (RGB, uint8 [H, W, 3])."""
        mirrored = [np.ascontiguousarray(rgb[:, ::-1])] if self.views.flip else []
        return [prepare(view, self._scaled(scale)) for scale in self.views.scales for view in (rgb, *mirrored)]

    def join(self, found: Sequence[Detections], width: int) -> Detections:
        """The objects of an image from those of its views, in the order of `prepare`.

        Args:
            found: The objects of each view.
            width: Width of the image in pixels.
        """
        if len(found) == 1:
            return found[0]
        back = [mirrored(one, width) if self.views.flip and place % 2 else one for place, one in enumerate(found)]
        return joined(back)

    def find(
        self, find: Callable[[Sequence[PreparedImage]], list[Detections]], images: Sequence[Sequence[PreparedImage]]
    ) -> list[Detections]:
        """The objects of images whose inputs all have the same size.

        Args:
            find: The network.
            images: For each image the result of `prepare`.
        """
        by_view = [find(inputs) for inputs in zip(*images, strict=True)]
        sizes = [one[0].size for one in images]
        return [self.join(found, size[1]) for found, size in zip(zip(*by_view, strict=True), sizes, strict=True)]

    def _scaled(self, scale: float) -> Preprocess:
        size = self.preprocess.size
        if scale == 1 or size is None:
            return self.preprocess
        height, width = (max(1, round(side * scale)) for side in size)
        return replace(self.preprocess, size=(height, width))


def mirrored(found: Detections, width: int) -> Detections:
    """The objects of a mirrored image, mirrored back."""
    boxes = found.boxes
    if boxes is not None:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    return Detections(found.scores, found.classes, [_mirrored_mask(mask) for mask in found.masks], boxes)


def _mirrored_mask(mask: rle.Rle) -> rle.Rle:
    crop = rle.decode_crop(mask)
    if crop is None:
        return mask
    height, width = mask["size"]
    pixels, x, y = crop
    return rle.encode_crop(np.ascontiguousarray(pixels[:, ::-1]), width - x - pixels.shape[1], y, height, width)


def joined(views: Sequence[Detections]) -> Detections:
    """The objects of several views as one list.

    In order of score, each object is matched in every other view with the best object of its class whose box overlaps
    its own by at least `SAME_IOU`. Mask and box are those of the best one; the score is the mean over all views, with 0
    for a view without a match: an object found in all views keeps its score, one found in a single view loses most of
    it (the rescaling of Solovyev et al., "Weighted boxes fusion", 2021).
    """
    scores = np.concatenate([np.asarray(one.scores, np.float64) for one in views])
    classes = np.concatenate([np.asarray(one.classes, np.int64) for one in views])
    masks = [mask for one in views for mask in one.masks]
    boxes = np.concatenate([_boxes(one) for one in views])
    view = np.repeat(np.arange(len(views)), [len(one.scores) for one in views])
    free = np.ones(len(scores), np.bool_)
    kept: list[int] = []
    means: list[float] = []
    order = np.argsort(-scores, kind="stable")
    for place in order:
        if not free[place]:
            continue
        free[place] = False
        mates = np.flatnonzero(free & (classes == classes[place]) & (view != view[place]))
        mates = mates[_overlaps(boxes[place], boxes[mates]) >= SAME_IOU]
        total = scores[place]
        for other in np.unique(view[mates]):
            own = mates[view[mates] == other]
            best = own[np.argmax(scores[own])]
            free[best] = False
            total += scores[best]
        kept.append(int(place))
        means.append(float(total) / len(views))
    given = all(one.boxes is not None for one in views)
    return Detections(np.array(means), classes[kept], [masks[place] for place in kept], boxes[kept] if given else None)


def _boxes(found: Detections) -> NDArray[np.float64]:
    if found.boxes is not None:
        return np.asarray(found.boxes, np.float64).reshape(-1, 4)
    sides = np.array([rle.bounding_box(mask) for mask in found.masks], np.float64).reshape(-1, 4)
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)


def _overlaps(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of a box with others [N]."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + float((box[2:] - box[:2]).prod())
    either = areas - both
    return np.asarray(np.divide(both, either, out=np.zeros(len(others)), where=either > 0), np.float64)
