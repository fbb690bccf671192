"""Training images as PaddleDetection's transforms make them, determined by the position alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segcli.data import rle
from segcli.data.augment.scene import ObjectScene
from segcli.data.decoded_cache import DecodedCache
from segcli.data.image import RgbImage, read_image
from segcli.data.sampling import SampleOrder, seed_augmentation

_NORMALISING = ("NormalizeImage", "Permute")


@dataclass(frozen=True)
class TrainingImage:
    """One image and its objects, as PaddleDetection's transforms need them.

    Attributes:
        path: Path of the image.
        image_id: Its id in the annotation file.
        boxes: [n, 4] float32, ``xyxy`` in pixels.
        classes: [n, 1] int32, class indices from 0.
        outlines: For each object its polygons (lists of x, y, x, y, ...) or its RLE.
    """

    path: str
    image_id: int
    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]
    outlines: Sequence[Any]


class InstanceStream:
    """The endless training set: item `d` is position `d` of a `SampleOrder`.

    Args:
        images: The training split.
        transforms: Transforms of PaddleDetection and of segcli.
        order: Which sample and which random numbers each position has.
        cache: Keeps decoded images; None decodes each time.
        augment: Returns the augmented image of a position with its objects; None for no augmentation. Where it removes
            all objects of an image, the image is used without augmentation.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        transforms: Sequence[Callable[[Any], Any]],
        order: SampleOrder,
        *,
        cache: DecodedCache | None = None,
        augment: Callable[[int], ObjectScene] | None = None,
    ) -> None:
        self._augment = augment
        self._images = images
        self._transforms = transforms
        self._order = order
        self._cache = cache

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, position: int) -> dict[str, Any]:
        """Reads and transforms one sample."""
        return self._transformed(position, self._transforms)

    def scene(self, position: int) -> ObjectScene:
        """What the network receives at a position, before normalisation."""
        names = [type(transform).__name__ for transform in self._transforms]
        first = next((at for at, name in enumerate(names) if name in _NORMALISING), len(names))
        sample = self._transformed(position, self._transforms[:first])
        rgb = np.clip(np.rint(sample["image"]), 0, 255).astype(np.uint8)
        classes = sample["gt_class"].reshape(-1)
        if "gt_segm" in sample:
            return ObjectScene(rgb, np.asarray(sample["gt_segm"], np.uint8), classes)
        return ObjectScene(rgb, filled_masks(sample["gt_poly"], *rgb.shape[:2]), classes)

    def _transformed(self, position: int, transforms: Sequence[Callable[[Any], Any]]) -> dict[str, Any]:
        image = self._images[self._order.sample(position)]
        scene = None if self._augment is None else self._augment(position)
        has_lost_all = scene is not None and not len(scene.masks) and len(image.boxes)
        if scene is None or has_lost_all:
            sample = read_sample(image, self._cache)
        else:
            sample = sample_of_scene(scene, image.image_id)
        seed_augmentation(self._order.seed_of(position))
        for transform in transforms:
            sample = transform(sample)
        return sample

    @property
    def paths(self) -> list[Path]:
        """Paths of all images."""
        return [Path(image.path) for image in self._images]

    def path_of(self, position: int) -> str:
        """Path of the image at a position, for messages."""
        return self._images[self._order.sample(position)].path


def read_sample(rgb: TrainingImage, cache: DecodedCache | None = None) -> dict[str, Any]:
    """The sample before any transform; values that transforms may change in place are copies."""
    return _sample(rgb, read_image(rgb.path) if cache is None else cache.read(Path(rgb.path), read_image).copy())


def _sample(rgb: TrainingImage, image: RgbImage) -> dict[str, Any]:
    height, width = image.shape[:2]
    return {
        "im_id": np.array([rgb.image_id]),
        "h": float(height),
        "w": float(width),
        "is_crowd": np.zeros((len(rgb.boxes), 1), np.int32),
        "gt_class": rgb.classes.copy(),
        "gt_bbox": rgb.boxes.copy(),
        "gt_poly": copy.deepcopy(list(rgb.outlines)),
        "image": image,
        "im_shape": np.array([height, width], np.float32),
        "scale_factor": np.array([1.0, 1.0], np.float32),
    }


def scene_of(image: TrainingImage, cache: DecodedCache | None = None) -> ObjectScene:
    """An image and its objects without augmentation."""
    rgb = read_image(image.path) if cache is None else cache.read(Path(image.path), read_image)
    return ObjectScene(np.asarray(rgb), filled_masks(image.outlines, *rgb.shape[:2]), image.classes.reshape(-1))


def filled_masks(outlines: Sequence[Any], height: int, width: int) -> npt.NDArray[np.uint8]:
    """The masks [n, H, W] of outlines: polygons or RLE."""
    masks = np.zeros((len(outlines), height, width), np.uint8)
    for mask, outline in zip(masks, outlines, strict=True):
        code = rle.from_polygons(outline, height, width) if isinstance(outline, list) else rle.parse(outline)
        mask[:] = rle.decode(code)
    return masks


def sample_of_scene(scene: ObjectScene, image_id: int) -> dict[str, Any]:
    """The sample before any transform, its outlines as RLE."""
    codes = [rle.encode(mask) for mask in scene.masks]
    boxes = np.array([rle.bounding_box(code) for code in codes], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    image = TrainingImage("", image_id, boxes, scene.classes.reshape(-1, 1), [dict(code) for code in codes])
    return _sample(image, scene.rgb.copy())
