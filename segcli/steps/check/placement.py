"""Whether the labels lie where the images show edges, or would if all were mirrored or turned.

The borders of labels follow edges of their image more often than those of other images, even if they are drawn
coarsely. Where they do so only after all labels are mirrored, they were written that way. Images and labels are
compared at `SKETCH_PX` x `SKETCH_PX` pixels; the labels of the other images are the control, so that what all images
show counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.boxes import BoxXyxy
from segcli.data.formats.coordinates import Extents
from segcli.data.instances import InstanceSample
from segcli.data.polygons import as_array
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding
from segcli.steps.check.files import SKETCH_PX

COMPARED = 48
"""Images of a dataset that are compared."""
_FEWEST = 8
_SURE = 4.2
"""Standard deviations from which a fit is none by chance; of seven readings, one of 10,000 datasets reaches it."""
_LEAST_FIT = 0.08
"""Labels drawn along the edges of photographs have a fit of 0.13 and more, all others one below 0.04."""
_SMALL_SHARE = 0.25
"""Share of that fit below which the labels do not fit as they are."""

Bools = NDArray[np.bool_]
Squares = NDArray[np.float64]
"""Small images, [n, SKETCH_PX, SKETCH_PX]."""
_ROWS, _COLUMNS = 1, 2

READINGS: dict[str, Callable[[Squares], Squares]] = {
    "y is measured from the bottom: turned upside down, they do": lambda drawn: np.flip(drawn, _ROWS),
    "x is measured from the right: mirrored, they do": lambda drawn: np.flip(drawn, _COLUMNS),
    "they are turned by 180 degrees: turned back, they do": lambda drawn: np.flip(drawn, (_ROWS, _COLUMNS)),
    "y stands before x: with both exchanged, they do": lambda drawn: drawn.swapaxes(_ROWS, _COLUMNS),
    "they are turned to the left: turned to the right, they do": lambda drawn: np.rot90(drawn, -1, (_ROWS, _COLUMNS)),
    "they are turned to the right: turned to the left, they do": lambda drawn: np.rot90(drawn, 1, (_ROWS, _COLUMNS)),
    "they are mirrored and turned: undone, they do": lambda drawn: np.flip(drawn, (_ROWS, _COLUMNS)).swapaxes(1, 2),
}
"""How labels can lie wrongly, and the change that puts them right; x and y are shares of the image."""


@dataclass(frozen=True)
class Placed:
    """An image and its labels, made small.

    Attributes:
        edges: The rank of each pixel of the image by the strength of its edge, [SKETCH_PX, SKETCH_PX], 0 to 1.
        borders: The pixels at which a label ends, [SKETCH_PX, SKETCH_PX].
    """

    edges: NDArray[np.float32]
    borders: Bools

    @staticmethod
    def of(grey: NDArray[np.uint8], borders: Bools) -> Placed:
        """From the image in grey, uint8 [SKETCH_PX, SKETCH_PX]."""
        return Placed(_edges(grey), borders)


def borders_of_mask(mask: NDArray[np.uint8]) -> Bools:
    """The borders between the ids of a mask [H, W]."""
    small = cv2.resize(mask, (SKETCH_PX, SKETCH_PX), interpolation=cv2.INTER_NEAREST)
    borders = np.zeros((SKETCH_PX, SKETCH_PX), np.bool_)
    borders[:, :-1] = small[:, :-1] != small[:, 1:]
    borders[:-1] |= small[:-1] != small[1:]
    return borders


def borders_of_objects(sample: InstanceSample) -> Bools:
    """The outlines of all objects of an image."""
    scale = np.array([SKETCH_PX / sample.width, SKETCH_PX / sample.height])
    borders = np.zeros((SKETCH_PX, SKETCH_PX), np.uint8)
    rings = [ring for value in sample.objects if isinstance(value.segmentation, tuple) for ring in value.segmentation]
    corners = as_array(list(chain.from_iterable(rings))).reshape(-1, 2) * scale
    small = np.clip(corners, -SKETCH_PX, 2 * SKETCH_PX).astype(np.int32)
    cv2.polylines(borders, np.split(small, np.cumsum([len(ring) // 2 for ring in rings[:-1]])), True, 1)
    return borders > 0


def upper_left(masks: Iterable[tuple[tuple[int, int], BoxXyxy | None]], rule: str, file: str) -> Iterator[Finding]:
    """One finding if all labels lie in the upper left part, as those of smaller images do.

    Args:
        masks: Width and height of each mask, and the box around what is not the value of its last pixel.
        rule: Id of the rule.
        file: What holds the masks.
    """
    extents = Extents.of((size, [] if box is None else [box]) for size, box in masks)
    reach = extents.reach()
    if reach is not None:
        share = f"{100 * reach[0]:.0f} % of the width and {100 * reach[1]:.0f} % of the height"
        yield finding(rule, file, f"no label in {counted(len(extents.boxes), 'compared mask')} reaches beyond {share}")


def misplaced(placed: Sequence[Placed], rule: str, file: str) -> Iterator[Finding]:
    """One finding if the labels fit their images only after a change of `READINGS`."""
    usable = [one for one in placed if one.borders.any()]
    if len(usable) < _FEWEST:
        return
    edges = np.stack([one.edges for one in usable], dtype=np.float64)
    weights = _weights(np.stack([one.borders for one in usable]))
    as_they_are = _fit(edges, weights)
    if as_they_are.mean() >= _LEAST_FIT:
        return
    fits = {reading: _fit(edges, change(weights)) for reading, change in READINGS.items()}
    best, reading = max((_significance(fit), reading) for reading, fit in fits.items())
    fit = fits[reading]
    if best < _SURE or fit.mean() < _LEAST_FIT or as_they_are.mean() > _SMALL_SHARE * fit.mean():
        return
    if _significance(fit - as_they_are) >= _SURE:
        message = (
            f"the labels of {counted(len(usable), 'compared image')} do not follow the edges of the images; {reading}"
        )
        yield finding(rule, file, message)


def _edges(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The rank of each pixel of an image by the strength of its edge, 0 to 1; 0 at the border."""
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.7)
    strength = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    order = np.argsort(strength, axis=None, kind="stable")
    ranks = np.empty(strength.size, np.float32)
    ranks[order] = np.linspace(0, 1, strength.size, dtype=np.float32)
    return ranks.reshape(strength.shape)


def _weights(drawn: Bools) -> Squares:
    """How much each pixel [n, SKETCH_PX, SKETCH_PX] is of the borders of its image, less its mean for all others.

    Pixels in the frame count nothing; it stays where it is when an image is mirrored or turned.
    """
    shares = drawn.astype(np.float64)
    for axis in (_ROWS, _COLUMNS):  # objects that go on beyond the image end there
        np.moveaxis(shares, axis, 0)[[0, 1, -2, -1]] = 0
    shares /= np.maximum(shares.sum(axis=(_ROWS, _COLUMNS), keepdims=True), 1)
    return np.asarray(shares - (shares.sum(axis=0) - shares) / (len(shares) - 1))


def _fit(edges: Squares, weights: Squares) -> NDArray[np.float64]:
    """How much stronger the edges under the labels of each image are than under those of the others: float64 [n]."""
    # sums alone: after a product of matrices, the threads of OpenBLAS wait actively for the next one
    return np.asarray(np.einsum("ijk,ijk->i", edges, weights))


def _significance(fit: NDArray[np.float64]) -> float:
    """By how many standard deviations the mean is above 0, with the allowance for few values that Student's t makes."""
    error, freedom = float(fit.std(ddof=1)) / len(fit) ** 0.5, len(fit) - 1
    t = float(fit.mean()) / error if error > 0 else 0.0
    return math.copysign(math.sqrt(freedom * math.log1p(t * t / freedom)), t)
