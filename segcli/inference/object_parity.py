"""Compares the objects that an exported instance model finds with those of the trained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.errors import ParityError
from segcli.inference.decode_objects import ObjectFinder, Outputs
from segcli.inference.instance_input import PreparedImage, joined_feeds

SMALLEST_SHARE = 0.9
"""Smallest share of objects that must be matched within the tolerance."""
SMALLEST_EXPLAINED = 0.98
"""Smallest share of objects that must be matched or tied: of two overlapping ones with equal scores either may stay."""
SMALLEST_IOU = 0.97
"""Smallest mean IoU of the masks of matched objects."""
_FAINTEST = 0.05
"""The highest score below which networks leave objects out; at that score chance decides whether one is in the list."""
_MOST = 100
_CANDIDATES = 32
_TIED_IOU = 0.5
_MANY_TIES = (
    "a network that has learnt little gives overlapping objects the same score: train it longer, or write it "
    "without this comparison: -o Export.verify=false"
)


@dataclass(frozen=True)
class ObjectParity:
    """How well one written file agrees with the trained network.

    Attributes:
        runtime: Name of the runtime that ran the file.
        file: Name of the file.
        images: Number of images compared.
        objects: Objects that the trained network finds in them, at most 100 per image.
        found_again: Share of them that the file finds too (matched), with score and box within the tolerance.
        tied: Share of them that are not matched because of an equal score: an overlapping object is found instead, or,
            at the end of a full list, another object comes first.
        max_score_diff: Largest difference of scores among the matched ones.
        max_box_diff_px: Largest difference of box sides among the matched ones.
        mean_mask_iou: Mean IoU of the masks of the matched ones.
        raw_diff: If the network finds no object: largest difference of its raw outputs, relative to the largest of
            them; None if these are empty too (nothing was compared), or if objects were compared.
    """

    runtime: str
    file: str
    images: int
    objects: int
    found_again: float
    tied: float
    max_score_diff: float
    max_box_diff_px: float
    mean_mask_iou: float
    raw_diff: float | None = None

    @property
    def proves(self) -> bool:
        """Whether anything was compared, so that the result is a proof."""
        return self.objects > 0 or self.raw_diff is not None

    def summary(self) -> str:
        """One line."""
        if self.raw_diff is not None:
            return f"no object found, raw outputs equal to {self.raw_diff:.1e} ({self.runtime})"
        if not self.objects:
            return f"not proven: no object found ({self.runtime})"
        tied = f", {self.tied:.2%} tied with others" if self.tied else ""
        return (
            f"{self.found_again:.2%} of {self.objects} objects equal{tied} ({self.runtime}, scores off by "
            f"{self.max_score_diff:.1e}, boxes by {self.max_box_diff_px:.2g} px at most, mask IoU "
            f"{self.mean_mask_iou:.4f})"
        )


@dataclass(frozen=True)
class ObjectReference:
    """The objects that the trained network finds in some images."""

    images: tuple[PreparedImage, ...]
    found: tuple[Detections, ...]
    outputs: tuple[Outputs, ...] = ()
    """Raw outputs of each image, if no object is found in any."""

    @staticmethod
    def of(find: ObjectFinder, images: Sequence[PreparedImage]) -> ObjectReference:
        """Runs the trained network."""
        found = tuple(find([image])[0] for image in images)
        if any(len(one.scores) for one in found):
            return ObjectReference(tuple(images), found)
        return ObjectReference(tuple(images), found, tuple(find.detect(joined_feeds([image])) for image in images))

    @property
    def finds_nothing(self) -> bool:
        """Whether there is no object to compare."""
        return not any(len(one.scores) for one in self.found)


def compare_objects(
    find: ObjectFinder, runtime: str, file: Path, reference: ObjectReference, tolerance: float
) -> ObjectParity:
    """Compares one written file with the trained network.

    Args:
        find: The file, opened.
        runtime: Name of the runtime that runs it.
        file: Path of the file.
        reference: The objects that the trained network finds.
        tolerance: Largest difference of a score, and of a box relative to the longer side of the image.

    Raises:
        ParityError: Too many objects are not matched, or their masks differ. Ties are tolerated in small number only:
            an untrained network gives all its proposals the same score.
    """
    if reference.finds_nothing:
        return _compare_raw(find, runtime, file, reference, tolerance)
    score_off, box_off, overlaps = [0.0], [0.0], []
    objects = tied = 0
    for image, expected in zip(reference.images, reference.found, strict=True):
        found = find([image])[0]
        best = np.argsort(-expected.scores, kind="stable")[:_MOST]
        objects += len(best)
        for index in best:
            match = _again(expected, int(index), found, tolerance, max(image.size))
            if match is not None:
                score_off.append(match[0])
                box_off.append(match[1])
                overlaps.append(match[2])
            else:
                full = len(best) == _MOST and expected.scores[index] - expected.scores[best[-1]] <= tolerance
                tied += full or _replaced(expected, int(index), found, tolerance)
    parity = ObjectParity(
        runtime=runtime,
        file=file.name,
        images=len(reference.images),
        objects=objects,
        found_again=len(overlaps) / objects if objects else 1.0,
        tied=tied / objects if objects else 0.0,
        max_score_diff=max(score_off),
        max_box_diff_px=max(box_off),
        mean_mask_iou=float(np.mean(overlaps)) if overlaps else 1.0,
    )
    is_explained = parity.found_again + parity.tied >= SMALLEST_EXPLAINED and parity.mean_mask_iou >= SMALLEST_IOU
    if not is_explained or parity.found_again < SMALLEST_SHARE:
        raise ParityError(
            f"disagrees with the trained network: {parity.summary()}",
            path=file,
            hint=_MANY_TIES if is_explained else "report the model; Export.tolerance allows more",
        )
    return parity


def _compare_raw(
    find: ObjectFinder, runtime: str, file: Path, reference: ObjectReference, tolerance: float
) -> ObjectParity:
    """Compares the raw outputs of a network."""
    off, largest, values = 0.0, 0.0, 0
    for image, expected in zip(reference.images, reference.outputs, strict=True):
        outputs = find.detect(joined_feeds([image]))
        shapes = [[tuple(array.shape) for array in one] for one in (outputs, expected)]
        if shapes[0] != shapes[1]:
            if max(find([image])[0].scores, default=0.0) <= _FAINTEST + tolerance:
                continue
            raise ParityError(f"gives outputs of shapes {shapes[0]}, the trained network {shapes[1]}", path=file)
        for output, wanted in zip(outputs, expected, strict=True):
            if wanted.size and np.issubdtype(wanted.dtype, np.floating):
                difference = np.abs(output.astype(np.float64) - wanted)
                off = max(off, float(difference.max()) if np.isfinite(difference).all() else float("inf"))
                largest = max(largest, float(np.abs(wanted).max()))
                values += wanted.size
    relative = off / (largest or 1.0)
    if not relative <= tolerance:
        raise ParityError(
            f"finds no object, and its raw outputs are off by {relative:.2e} of the largest on {runtime}, "
            f"allowed is {tolerance:.0e}",
            path=file,
            hint="report the model; Export.tolerance allows more",
        )
    return ObjectParity(
        runtime, file.name, len(reference.images), 0, 1.0, 0.0, 0.0, 0.0, 1.0, relative if values else None
    )


def _again(
    expected: Detections, index: int, found: Detections, tolerance: float, side: int
) -> tuple[float, float, float] | None:
    """Differences of score and box, and IoU of the masks, between an object and its match in `found`; None without one.

    Among several matches (an untrained network repeats itself) the one with the best mask IoU is used.
    """
    same = np.flatnonzero(found.classes == expected.classes[index])
    if not same.size:
        return None
    scores = np.abs(found.scores[same] - expected.scores[index])
    boxes = np.abs(_boxes(found)[same] - _boxes(expected)[index]).max(axis=1)
    off = np.maximum(scores, boxes / side)
    # without boxes of its own, an object's box comes from its mask, which moves by whole pixels
    allowed = tolerance if found.boxes is not None else max(tolerance, 2 / side)
    near = [int(place) for place in np.argsort(off, kind="stable")[:_CANDIDATES] if off[place] <= allowed]
    if not near:
        return None
    overlaps = {place: _overlap(expected.masks[index], found.masks[same[place]]) for place in near}
    fitting = max(near, key=overlaps.__getitem__)
    return float(scores[fitting]), float(boxes[fitting]), overlaps[fitting]


def _replaced(expected: Detections, index: int, found: Detections, tolerance: float) -> bool:
    """Whether an object of the same class and score is found that overlaps the expected one."""
    same = (found.classes == expected.classes[index]) & (np.abs(found.scores - expected.scores[index]) <= tolerance)
    if not same.any():
        return False
    one, others = _boxes(expected)[index], _boxes(found)[same]
    inside = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    shared = inside.clip(min=0).prod(axis=1)
    areas = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return bool((shared >= _TIED_IOU * (areas - shared)).any())


def _boxes(found: Detections) -> NDArray[Any]:
    if found.boxes is not None:
        return found.boxes
    sides = np.array([rle.bounding_box(mask) for mask in found.masks], np.float64).reshape(-1, 4)
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)


def _overlap(one: rle.Rle, other: rle.Rle) -> float:
    """IoU of two masks; 1 where both are empty."""
    first, second = rle.decode(one) > 0, rle.decode(other) > 0
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0
