"""Images with blobs, and detections of them that are partly right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.instances import InstanceObject, InstanceSample

WIDTH, HEIGHT = 320, 240


def blob(rng, x: float, y: float, radius: float, corners: int = 24) -> tuple[float, ...]:
    """A polygon around a point, clipped to the image."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = radius * (1 + 0.1 * rng.normal(size=corners))
    xs = np.clip(x + reach * np.cos(angle), 0, WIDTH)
    ys = np.clip(y + reach * np.sin(angle), 0, HEIGHT)
    return tuple(np.stack([xs, ys], axis=1).ravel().tolist())


def box_of(polygon) -> list[float]:
    """Left, top, right, bottom."""
    xs, ys = polygon[0::2], polygon[1::2]
    return [min(xs), min(ys), max(xs), max(ys)]


def make_images(
    count: int, *, classes: int, objects: int, found: int, seed: int = 0, ties: bool = False
) -> tuple[list[InstanceSample], list[Detections]]:
    """Images of `objects` objects (the last a crowd as run-length code) and `found` detections in each."""
    rng = np.random.default_rng(seed)
    samples, detections = [], []
    for image_id in range(count):
        spots = [
            (rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(4, 70), int(rng.integers(classes)))
            for _ in range(objects)
        ]
        truth = [_object(rng, number, spot, crowd=number == objects) for number, spot in enumerate(spots, start=1)]
        samples.append(InstanceSample(Path(f"{image_id}.jpg"), image_id, WIDTH, HEIGHT, tuple(truth)))
        detections.append(_detections(rng, spots, found, classes, ties=ties))
    return samples, detections


def without_crowds(sample: InstanceSample) -> InstanceSample:
    """The image with objects that are no crowds."""
    return replace(sample, objects=tuple(value._replace(is_crowd=False) for value in sample.objects))


def _object(rng, number: int, spot, *, crowd: bool) -> InstanceObject:
    x, y, radius, class_id = spot
    polygon = blob(rng, x, y, radius)
    left, top, right, bottom = box_of(polygon)
    code = rle.from_polygons([polygon], HEIGHT, WIDTH)
    outline = code if crowd else (polygon,)
    return InstanceObject(number, class_id, (left, top, right - left, bottom - top), rle.area(code), outline, crowd)


def _detections(rng, spots, found: int, classes: int, *, ties: bool) -> Detections:
    polygons, ids = [], []
    for number in range(found):
        x, y, radius, class_id = spots[number % len(spots)]
        if number >= len(spots):
            x, y = x + rng.normal() * radius, y + rng.normal() * radius
        polygons.append(blob(rng, x, y, radius * rng.uniform(0.8, 1.2)))
        ids.append(int(rng.integers(classes)) if rng.random() < 0.2 else class_id)
    scores = rng.random(found).round(1 if ties else 6)
    masks = [rle.from_polygons([polygon], HEIGHT, WIDTH) for polygon in polygons]
    boxes = np.array([box_of(polygon) for polygon in polygons]).reshape(-1, 4)
    return Detections(scores, np.array(ids, int), masks, boxes)
