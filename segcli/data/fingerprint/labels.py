"""What of the labels a training is planned from: sizes, objects, classes, and how much of each there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import IGNORE_INDEX
from segcli.data.fingerprint.images import evenly
from segcli.data.fingerprint.parts import connected_parts
from segcli.data.id_counts import count_ids
from segcli.data.image import read_mask
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.samples import SegDataset
from segcli.progress import track

T = TypeVar("T")
_PARTS_PX = 512
"""Sides of the masks whose connected parts are measured: larger ones cost more and say the same."""
_MOST_MASKS = 200
"""Masks that are opened; more would take longer and say the same."""
_SMALLEST_PART_PX = 9
_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Fingerprint:
    """A dataset in numbers.

    Attributes:
        train_images: Images to learn from.
        val_images: Images to measure with.
        empty_images: Of the training images, those without objects (instance) or of one class alone (semantic).
        width_px: Median width.
        height_px: Median height.
        class_names: In order of their ids.
        class_shares: Share of each class: of the labelled pixels (semantic) or of the objects (instance).
        object_px: First quarter, median and third quarter of the objects' sizes, a size being the root of the area;
            objects of a semantic dataset are the connected parts of each class. All classes count alike, as they do
            in mIoU and AP: a hundred windows say nothing of the one facade that holds them.
        objects_per_image: Mean number of objects.
        most_objects: Most objects in one image.
        upright: How much the upper half differs from the lower one in its classes, 0 to 1 (total variation).
        image_shares: Share of the training images that show each class.
    """

    train_images: int
    val_images: int
    empty_images: int
    width_px: int
    height_px: int
    class_names: tuple[str, ...]
    class_shares: tuple[float, ...]
    object_px: tuple[float, float, float]
    objects_per_image: float
    most_objects: int
    upright: float
    image_shares: tuple[float, ...] = ()

    @property
    def long_side_px(self) -> int:
        """The longer side of a typical image."""
        return max(self.width_px, self.height_px)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class MaskShape:
    """What is kept of one mask.

    Attributes:
        size: Width and height in pixels.
        halves: Pixels of each id in the upper and the lower half, int64 [2, 256].
        parts: Sizes of the connected parts of each id, specks left out.
    """

    size: tuple[int, int]
    halves: NDArray[np.int64]
    parts: Mapping[int, Sequence[float]]


def shape_of_mask(mask: NDArray[np.uint8]) -> MaskShape:
    """The shape of a mask of class ids [H, W]."""
    middle = mask.shape[0] // 2
    halves = np.array([count_ids(half) for half in (mask[:middle], mask[middle:])])
    return MaskShape((mask.shape[1], mask.shape[0]), halves, _part_sizes(mask, np.flatnonzero(halves.sum(axis=0))))


def _shrunk(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """The mask with sides of at most `_PARTS_PX`, ids kept, and by how much its sides were divided."""
    step = -(-max(mask.shape) // _PARTS_PX)
    return np.ascontiguousarray(mask[::step, ::step]), float(step)


def looked_at(samples: Sequence[T]) -> Sequence[T]:
    """The training samples whose masks are taken: of very many a part, evenly chosen."""
    return evenly(samples, _MOST_MASKS)


def fingerprint_of_masks(dataset: SegDataset) -> Fingerprint:
    """The fingerprint of a semantic dataset; of large ones from a part of the masks.

    Raises:
        DatasetError: A file cannot be read.
    """
    samples = looked_at(dataset.train)
    shapes = [shape_of_mask(read_mask(sample.mask)) for sample in track(samples, "fingerprint", len(samples))]
    return fingerprint_of_shapes(shapes, dataset)


def fingerprint_of_shapes(shapes: Sequence[MaskShape], dataset: SegDataset) -> Fingerprint:
    """The fingerprint of a semantic dataset from masks that were opened already: those of `looked_at`."""
    classes = len(dataset.classes)
    halves = sum((shape.halves for shape in shapes), np.zeros((2, 256), np.int64))[:, :classes]
    sizes = [[(id_, size) for id_, own in shape.parts.items() if id_ < classes for size in own] for shape in shapes]
    single = sum(sum(id_ < classes for id_ in shape.parts) < 2 for shape in shapes)
    counts = [len(found) for found in sizes]
    return Fingerprint(
        train_images=len(dataset.train),
        val_images=len(dataset.val),
        empty_images=round(single * len(dataset.train) / max(len(shapes), 1)),
        **_median_size([shape.size for shape in shapes]),
        class_names=dataset.classes.names,
        class_shares=_shares(halves.sum(axis=0)),
        object_px=_quarters(*np.array([one for found in sizes for one in found]).reshape(-1, 2).T),
        objects_per_image=float(np.mean(counts or [0])),
        most_objects=max(counts, default=0),
        upright=_variation(halves[0], halves[1]),
        image_shares=_image_shares([set(shape.parts) for shape in shapes], classes),
    )


def fingerprint_of_objects(dataset: CocoDataset) -> Fingerprint:
    """The fingerprint of an instance dataset, from its annotation files alone."""
    images, classes = dataset.train, len(dataset.classes)
    objects = [[one for one in sample.objects if not one.is_crowd] for sample in images]
    counts = [len(own) for own in objects]
    flat = list(chain.from_iterable(objects))
    ids = np.array([one.class_id for one in flat], np.intp)
    sizes = np.sqrt(np.maximum([one.area_px for one in flat], 1.0))
    middles = np.repeat([sample.height / 2 for sample in images], np.array(counts, np.intp))
    is_low = np.array([one.box[1] + one.box[3] / 2 for one in flat]) > middles
    halves = np.array([np.bincount(ids[half], minlength=classes) for half in (~is_low, is_low)])
    return Fingerprint(
        train_images=len(images),
        val_images=len(dataset.val),
        empty_images=counts.count(0),
        **_median_size([_size_of(sample) for sample in images]),
        class_names=dataset.classes.names,
        class_shares=_shares(halves.sum(axis=0)),
        object_px=_quarters(ids, sizes),
        objects_per_image=float(np.mean(counts or [0])),
        most_objects=max(counts, default=0),
        upright=_variation(halves[0], halves[1]),
        image_shares=_image_shares([{one.class_id for one in own} for own in objects], classes),
    )


def _size_of(sample: InstanceSample) -> tuple[int, int]:
    return sample.width, sample.height


def _part_sizes(mask: NDArray[np.uint8], present: NDArray[np.intp]) -> dict[int, list[float]]:
    """Roots of the areas of the connected parts of each id, specks left out."""
    small, scale = _shrunk(mask)
    ids, areas = connected_parts(small)
    told = areas >= _SMALLEST_PART_PX
    ids, sizes = ids[told], scale * np.sqrt(areas[told])
    return {int(id_): sizes[ids == id_].tolist() for id_ in present if id_ != IGNORE_INDEX}


def _median_size(sizes: Sequence[Sequence[int]]) -> dict[str, int]:
    width, height = (int(value) for value in np.median(np.array(sizes or [(1, 1)]), axis=0))
    return {"width_px": width, "height_px": height}


def _shares(counts: NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in counts / max(counts.sum(), 1))


def _quarters(classes: NDArray[Any], sizes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Quartiles of the sizes of objects, each class with the same weight; zeros where there are none."""
    if not len(sizes):
        return 0.0, 0.0, 0.0
    _, which, counts = np.unique(classes, return_inverse=True, return_counts=True)
    quarters = np.quantile(sizes, _QUARTERS, weights=1 / counts[which], method="inverted_cdf")
    low, middle, high = (float(value) for value in quarters)
    return low, middle, high


def _variation(above: NDArray[Any], below: NDArray[Any]) -> float:
    """Total variation between two distributions; few counts make it look larger than it is, which is taken off."""
    counted = min(above.sum(), below.sum())
    if counted < 1:
        return 0.0
    distance = 0.5 * float(np.abs(above / above.sum() - below / below.sum()).sum())
    return max(0.0, distance - 0.5 * float(np.sqrt(len(above) / counted)))


def _image_shares(images: Sequence[Collection[int]], classes: int) -> tuple[float, ...]:
    counts = [sum(class_id in shown for shown in images) for class_id in range(classes)]
    return tuple(count / max(len(images), 1) for count in counts)
