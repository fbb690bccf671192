"""From the outputs of an instance network to the objects of one image, masks as run-length codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.rle import Rle
from segcli.inference.activation import tempered
from segcli.inference.grown_objects import grown_objects
from segcli.inference.instance_input import PreparedImage, joined_feeds
from segcli.inference.paste import paste_anywhere, paste_in_boxes, paste_logits, paste_maps, paste_masks
from segcli.models.instance.table import MaskForm

Outputs = Sequence[NDArray[Any]]
"""The outputs of a network, in the order of its program.

``bbox`` [N, 6] (class, score, x1, y1, x2, y2 in pixels of the image), ``bbox_num`` [B] and the masks: [N, m, m], or
coefficients [N, K] and prototypes [B, K, h, w]. SOLOv2: ``bbox_num`` [B], classes [N], scores [N] and maps [N, h, w].
SeedUNet: ``inside`` [B, C, h, w] and ``core`` [B, 1, h, w].
"""
Detect = Callable[[Mapping[str, NDArray[Any]]], Outputs]
"""A network as a function of its inputs by name."""


@dataclass(frozen=True)
class ObjectFinder:
    """Finds the objects of images with a network.

    Attributes:
        detect: The network.
        form: The form of its masks; None for masks in the size of the image, as third-party models return them.
        temperature: Divides the log-odds of the scores, so that they say how often an object is right.
    """

    detect: Detect
    form: MaskForm | None
    temperature: float = 1.0

    def __call__(self, images: Sequence[PreparedImage], threshold: float = 0.0) -> list[Detections]:
        """The objects of each image with scores of at least `threshold`; all inputs must have the same size."""
        if self.temperature == 1:
            return self._found(images, threshold)
        least = float(tempered(threshold, 1 / self.temperature))
        found = self._found(images, least)
        return [replace(one, scores=tempered(one.scores, self.temperature)) for one in found]

    def _found(self, images: Sequence[PreparedImage], threshold: float) -> list[Detections]:
        outputs = self.detect(joined_feeds(images))
        if self.form is None:
            return [whole_masks(outputs, threshold)]
        parts = per_image(outputs, self.form)
        return [found_objects(part, self.form, image, threshold) for part, image in zip(parts, images, strict=True)]


def per_image(outputs: Outputs, form: MaskForm) -> list[Outputs]:
    """Splits the outputs of a batch into those of each image."""
    if form is MaskForm.PIXELS:
        return [tuple(maps[index : index + 1] for maps in outputs) for index in range(len(outputs[0]))]
    counts = outputs[0] if form is MaskForm.MAPS else outputs[1]
    ends = np.cumsum(counts)
    slices = [slice(int(end - count), int(end)) for count, end in zip(counts, ends, strict=True)]
    one = [counts[index : index + 1] for index in range(len(counts))]
    if form is MaskForm.MAPS:
        return [(one[i], outputs[1][rows], outputs[2][rows], outputs[3][rows]) for i, rows in enumerate(slices)]
    if form is MaskForm.IN_BOXES:
        return [(outputs[0][rows], one[i], outputs[2][rows]) for i, rows in enumerate(slices)]
    coefficients = outputs[2].reshape(-1, outputs[2].shape[-1])
    return [(outputs[0][rows], one[i], coefficients[rows], outputs[3][i : i + 1]) for i, rows in enumerate(slices)]


def found_objects(outputs: Outputs, form: MaskForm, image: PreparedImage, threshold: float = 0.0) -> Detections:
    """The objects of one image with scores of at least `threshold`; no mask in the size of the image is allocated.

    Args:
        outputs: The outputs for this image alone.
        form: The form of the masks.
        image: The input of the network.
        threshold: Smallest score.
    """
    if form is MaskForm.MAPS:
        return _of_maps(outputs, image, threshold)
    if form is MaskForm.PIXELS:
        return _of_pixels(outputs, image, threshold)
    kept = (outputs[0][:, 0] >= 0) & (outputs[0][:, 1] >= threshold)
    rows = np.asarray(outputs[0][kept], np.float64)
    masks = tuple(_masks(outputs, form, rows[:, 2:], kept, image.size))
    return Detections(rows[:, 1], rows[:, 0].astype(np.int64), masks, rows[:, 2:])


def whole_masks(outputs: Outputs, threshold: float = 0.0) -> Detections:
    """The objects of one image from a third-party model, whose masks have the size of the image.

    Args:
        outputs: ``bbox``, ``bbox_num``, masks [N, H, W]; or ``bbox_num``, classes, scores, masks.
        threshold: Smallest score.
    """
    *values, masks = outputs
    if len(values) == 2:
        labels, scores = values[0][:, 0], values[0][:, 1]
        boxes = np.asarray(values[0][:, 2:], np.float64)
    else:
        labels, scores, boxes = values[1], values[2], None
    # the last row of some exported networks is a placeholder without an object: its score is 0
    kept = np.flatnonzero((labels >= 0) & (scores > 0) & (scores >= threshold))
    return Detections(
        np.asarray(scores[kept], np.float64),
        labels[kept].astype(np.int64),
        tuple(rle.encode(masks[index] > 0) for index in kept),
        None if boxes is None else boxes[kept],
    )


def _masks(
    outputs: Outputs, form: MaskForm, boxes: NDArray[Any], kept: NDArray[np.bool_], size: tuple[int, int]
) -> Iterator[Rle]:
    if form is MaskForm.IN_BOXES:
        return paste_masks(outputs[2][: len(kept)][kept], boxes, *size)
    coefficients = outputs[2].reshape(-1, outputs[2].shape[-1])[kept]
    if form is MaskForm.CUT_PROTOTYPES:
        return paste_in_boxes(coefficients, outputs[3][0], boxes, *size)
    return paste_anywhere(coefficients, outputs[3][0], *size)


def _of_maps(outputs: Outputs, image: PreparedImage, threshold: float) -> Detections:
    _, labels, scores, maps = outputs
    kept = np.flatnonzero((scores > 0) & (scores >= threshold))
    masks = list(paste_maps(maps[kept], image.resized, *image.size))
    filled = [place for place, mask in enumerate(masks) if rle.area(mask)]
    chosen = kept[filled]
    return Detections(
        np.asarray(scores[chosen], np.float64), labels[chosen].astype(np.int64), tuple(masks[i] for i in filled)
    )


def _of_pixels(outputs: Outputs, image: PreparedImage, threshold: float) -> Detections:
    inside, core = outputs[0][0], outputs[1][0]
    grown = [one for one in grown_objects(inside, core) if one.score >= threshold]
    masks = list(paste_logits((one.crop for one in grown), inside.shape[1:], *image.size))
    filled = [place for place, mask in enumerate(masks) if rle.area(mask)]
    return Detections(
        np.array([grown[place].score for place in filled], np.float64),
        np.array([grown[place].label for place in filled], np.int64),
        tuple(masks[place] for place in filled),
    )
