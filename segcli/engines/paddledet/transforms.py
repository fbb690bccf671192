"""PaddleDetection's transforms from recipes, and segcli's own for samples whose masks are arrays.

PaddleDetection 2.6.0 neither expands nor pads `gt_segm`, and its crop and distortion have no probability. A sample is
PaddleDetection's dictionary: ``image`` [H, W, 3], ``gt_bbox`` [n, 4] ``xyxy`` in pixels, ``gt_class`` [n, 1],
``is_crowd`` [n, 1], ``gt_poly`` (polygons or RLE) or ``gt_segm`` [n, H, W].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from segcli.engines.paddledet.grid_targets import GridTargets
from segcli.engines.paddledet.importing import import_ppdet
from segcli.engines.paddledet.seed_targets import SeedTargets
from segcli.engines.paddledet.stream import filled_masks
from segcli.engines.paddledet.warp import WarpWithMasks
from segcli.errors import ConfigError, ConfigFault
from segcli.models.spec import Recipe

Sample = dict[str, Any]
SampleTransform = Callable[[Sample], Sample]
BatchTransform = Callable[[list[Sample]], list[Sample]]

_NOT_FOR_NETWORKS = ("h", "w", "flipped", "curr_iter")


class ExpandWithMasks:
    """Puts the image at a random position of a larger canvas (SSD's expansion), masks and boxes with it.

    Args:
        ratio: Largest side of the canvas, relative to the image's side.
        prob: Probability of the expansion.
        fill_value: Colour of the canvas, RGB.
    """

    def __init__(self, fill_value: Sequence[float], ratio: float = 4.0, prob: float = 0.5) -> None:
        self._fill = np.asarray(fill_value, np.float32)
        self._ratio = ratio
        self._prob = prob

    def __call__(self, sample: Sample) -> Sample:
        """The sample on its canvas."""
        height, width = sample["image"].shape[:2]
        ratio = np.random.uniform(1.0, self._ratio) if np.random.uniform() < self._prob else 1.0
        rows, columns = int(height * ratio), int(width * ratio)
        if rows <= height or columns <= width:
            return sample
        top, left = np.random.randint(0, rows - height), np.random.randint(0, columns - width)
        below, beside = slice(top, top + height), slice(left, left + width)
        canvas = np.empty((rows, columns, 3), sample["image"].dtype)
        canvas[:] = self._fill.astype(canvas.dtype)
        canvas[below, beside] = sample["image"]
        masks = np.zeros((len(sample["gt_segm"]), rows, columns), np.uint8)
        masks[:, below, beside] = sample["gt_segm"]
        boxes = sample["gt_bbox"] + np.array([left, top, left, top], np.float32)
        shape = np.array([rows, columns], np.float32)
        return {**sample, "image": canvas, "gt_segm": masks, "gt_bbox": boxes, "im_shape": shape}


class DistortSometimes:
    """PaddleDetection's random change of colours, with a probability.

    Args:
        prob: Probability of the change.
    """

    def __init__(self, prob: float) -> None:
        import_ppdet()
        from ppdet.data.transform import operators

        self._prob = prob
        self._distort = operators.RandomDistort()

    def __call__(self, sample: Sample) -> Sample:
        """The sample with changed colours, or unchanged."""
        if np.random.uniform() >= self._prob:
            return sample
        distorted: Sample = self._distort(sample)
        return distorted


class CropWithMasks:
    """PaddleDetection's random crop that keeps objects by overlap, with a probability.

    Args:
        prob: Probability of the crop.
    """

    def __init__(self, prob: float = 1.0) -> None:
        import_ppdet()
        from ppdet.data.transform import operators

        self._prob = prob
        self._crop = operators.RandomCrop()

    def __call__(self, sample: Sample) -> Sample:
        """The cropped sample, or the sample unchanged."""
        if np.random.uniform() >= self._prob or len(sample["gt_bbox"]) == 0:
            return sample
        cropped: Sample = self._crop(sample)
        cropped["im_shape"] = np.array(cropped["image"].shape[:2], np.float32)
        return cropped


class PadTargets:
    """Pads the objects of each image to the batch's largest count: `gt_segm`, and what PaddleDetection pads."""

    def __init__(self) -> None:
        import_ppdet()
        from ppdet.data.transform import batch_operators

        self._pad = batch_operators.PadGT()

    def __call__(self, samples: list[Sample]) -> list[Sample]:
        """The samples with ``pad_gt_mask`` [n, 1], 1 where there is an object."""
        most = max(len(sample["gt_bbox"]) for sample in samples)
        for sample in samples:
            masks = sample["gt_segm"]
            padded = np.zeros((most, *sample["image"].shape[-2:]), np.uint8)
            padded[: len(masks)] = masks
            sample["gt_segm"] = padded
        padded_samples: list[Sample] = self._pad(samples)
        return padded_samples


class MasksOfOutlines:
    """Replaces PaddleDetection's `Poly2Mask`, which copies all masks of an image twice.

    Args:
        del_poly: Whether the contours (`gt_poly`) are dropped.
    """

    def __init__(self, del_poly: bool = False) -> None:
        self._drops = del_poly

    def __call__(self, sample: Sample) -> Sample:
        """The sample with ``gt_segm`` uint8 [n, H, W]."""
        height, width = (int(side) for side in sample["im_shape"])
        masks = filled_masks(sample["gt_poly"], height, width)
        rest = {name: value for name, value in sample.items() if name != "gt_poly" or not self._drops}
        return {**rest, "gt_segm": masks}


class ResizeWithMasks:
    """Replaces PaddleDetection's `Resize`, which copies all resized masks of an image twice.

    Args:
        target_size: Height and width in pixels, or the bounds of the shorter and the longer side.
        keep_ratio: Whether `target_size` holds bounds, and the aspect ratio is kept.
        interp: OpenCV's interpolation of the image; masks use the nearest pixel.
    """

    def __init__(self, target_size: int | list[int], keep_ratio: bool, interp: int = cv2.INTER_LINEAR) -> None:
        import_ppdet()
        from ppdet.data.transform import operators

        self._resize = operators.Resize(target_size, keep_ratio, interp)

    def __call__(self, sample: Sample) -> Sample:
        """The resized sample."""
        height, width = sample["image"].shape[:2]
        masks = sample.get("gt_segm")
        rest = {name: value for name, value in sample.items() if name != "gt_segm"}
        resized: Sample = self._resize(rest)
        if masks is None:
            return resized
        y, x = self._scales(height, width)
        found = np.zeros((len(masks), *resized["image"].shape[:2]), np.uint8)
        for mask, target in zip(masks, found, strict=True):
            cv2.resize(np.ascontiguousarray(mask), None, dst=target, fx=x, fy=y, interpolation=cv2.INTER_NEAREST)
        return {**resized, "gt_segm": found}

    def _scales(self, height: int, width: int) -> tuple[float, float]:
        wanted = self._resize.target_size
        if not self._resize.keep_ratio:
            return wanted[0] / height, wanted[1] / width
        scale = min(min(wanted) / min(height, width), max(wanted) / max(height, width))
        return scale, scale


OWN_TRANSFORMS: dict[str, Callable[..., Any]] = {
    "ExpandWithMasks": ExpandWithMasks,
    "CropWithMasks": CropWithMasks,
    "DistortSometimes": DistortSometimes,
    "PadTargets": PadTargets,
    "SeedTargets": SeedTargets,
    "Poly2Mask": MasksOfOutlines,
    "Resize": ResizeWithMasks,
    "Gt2Solov2Target": GridTargets,
    "WarpWithMasks": WarpWithMasks,
}


def build_transforms(recipes: Sequence[Recipe]) -> list[Callable[[Any], Any]]:
    """The transforms, in order: those of `OWN_TRANSFORMS`, otherwise PaddleDetection's.

    Raises:
        ConfigError: There is no such transform, or it does not accept these arguments.
    """
    return [_build(recipe) for recipe in recipes]


def _build(recipe: Recipe) -> Callable[[Any], Any]:
    import_ppdet()
    from ppdet.data import transform

    arguments = dict(recipe)
    name = str(arguments.pop("type"))
    found = OWN_TRANSFORMS.get(name) or getattr(transform, name, None)
    if found is None:
        raise ConfigError([ConfigFault("Train.transforms", f"PaddleDetection has no transform {name}")])
    try:
        built: Callable[[Any], Any] = found(**arguments)
    except (TypeError, ValueError, AssertionError) as fault:
        raise ConfigError([ConfigFault("Train.transforms", f"{name}: {fault}")]) from fault
    return built


def collate(transforms: Sequence[BatchTransform], *, stacked: bool) -> Callable[[list[Sample]], dict[str, Any]]:
    """Returns a function that joins samples into a network's inputs.

    Args:
        transforms: Transforms of the whole batch, in order.
        stacked: Whether the targets have equal shapes and are stacked; otherwise they stay lists, one entry per image.
    """

    def join(samples: list[Sample]) -> dict[str, Any]:
        for transform in transforms:
            samples = transform(samples)
        names = [name for name in samples[0] if name not in _NOT_FOR_NETWORKS]
        return {name: _column([sample[name] for sample in samples], name, stacked) for name in names}

    return join


def _column(values: list[Any], name: str, stacked: bool) -> Any:
    is_target = name.startswith("gt_") or name in ("is_crowd", "difficult")
    return values if is_target and not stacked else np.stack(values)
