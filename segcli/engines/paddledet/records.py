"""The training split of a COCO dataset in the form that PaddleDetection's transforms take."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from segcli.data.instances import InstanceObject, InstanceSample
from segcli.engines.paddledet.stream import TrainingImage

log = logging.getLogger("segcli.train")


def training_images(samples: Sequence[InstanceSample], *, needs_objects: bool = True) -> list[TrainingImage]:
    """The training images; crowd regions do not count as objects.

    Args:
        samples: The images.
        needs_objects: Leaves out images without objects, as PaddleDetection itself does: its losses have nothing to
            sample there.
    """
    images = [_image(sample) for sample in samples]
    kept = [record for record in images if len(record.boxes) or not needs_objects]
    crowds = sum(value.is_crowd for sample in samples for value in sample.objects)
    if crowds:
        log.info("%d crowd regions are left out of the training: they are not single objects", crowds)
    if len(kept) < len(images):
        log.info("%d of %d training images have no object and are left out", len(images) - len(kept), len(images))
    return kept


def _image(sample: InstanceSample) -> TrainingImage:
    objects = [value for value in sample.objects if not value.is_crowd]
    return TrainingImage(
        path=str(sample.image),
        image_id=sample.image_id,
        boxes=np.array([_corners(value, sample) for value in objects], np.float32).reshape(-1, 4),
        classes=np.array([[value.class_id] for value in objects], np.int32).reshape(-1, 1),
        outlines=[_outline(value) for value in objects],
    )


def _corners(value: InstanceObject, sample: InstanceSample) -> tuple[float, float, float, float]:
    left, top, width, height = value.box
    return max(left, 0), max(top, 0), min(left + width, sample.width), min(top + height, sample.height)


def _outline(value: InstanceObject) -> Any:
    shape = value.segmentation
    return [list(ring) for ring in shape] if isinstance(shape, tuple) else dict(shape)
