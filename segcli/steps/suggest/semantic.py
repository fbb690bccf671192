"""Uncertainty of a semantic model: entropy, and labels that differ on the mirrored image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import NO_CLASSES, ClassMap
from segcli.data.formats.label_map_reader import NOWHERE, regions_of
from segcli.data.formats.labelme_writer import outline_shapes
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import RgbImage
from segcli.data.rle import Rle
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.inference.decode_labels import logits_of, resize_logits, softmax
from segcli.steps.predict.semantic import SemanticPredictor
from segcli.steps.suggest.look import Look, colours_of, confidence, layout_of

LONGEST_PX = 2048
"""Longest side in pixels of the image for a network with free input size."""
SMALLEST = 1e-4
"""Smallest fraction of the image that is proposed as a shape; smaller regions are noise."""


def suggest_semantic(predictor: SemanticPredictor) -> SemanticLooker:
    """The looker of a semantic model."""
    return SemanticLooker(predictor)


@dataclass(frozen=True)
class SemanticLooker:
    """See `segcli.steps.suggest.look.Looker`.

    Attributes:
        predictor: The opened model.
    """

    predictor: SemanticPredictor

    def look(self, rgb: RgbImage) -> Look:
        """See `Looker.look`; the entropy is that of the mean of both views, relative to the largest possible one."""
        seen, mirrored = self._probabilities(rgb), self._probabilities(_mirrored(rgb))[..., ::-1]
        mean = np.asarray((seen + mirrored) / 2, np.float32)
        entropy = -(mean * np.log(np.maximum(mean, 1e-12))).sum(axis=0) / np.log(max(len(mean), 2))
        changed = seen.argmax(axis=0) != mirrored.argmax(axis=0)
        return Look(float(entropy.mean()), float(changed.mean()), colours_of(rgb), layout_of(mean))

    def propose(self, rgb: RgbImage) -> list[dict[str, Any]]:
        """See `Looker.propose`; each connected region is a shape, the background has none."""
        height, width = rgb.shape[:2]
        probabilities = resize_logits(np.ascontiguousarray(self._probabilities(rgb)), height, width)
        return list(shapes_of(probabilities, self.predictor.classes))

    def labelled_images(self, dataset: Path) -> list[Path]:
        """See `Looker.labelled_images`."""
        return [sample.image for sample in open_seg_dataset(dataset).samples(Split.TRAIN)]

    def _probabilities(self, rgb: RgbImage) -> NDArray[np.float32]:
        model = self.predictor.model
        shrink = LONGEST_PX / max(rgb.shape[:2])
        if model.input_size is None and shrink < 1:
            rgb = np.asarray(cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        outputs = logits_of(self.predictor.runtime.run, rgb, model.preprocess, input_size=model.input_size)
        return softmax(self.predictor.activation.logits(outputs))


def shapes_of(probabilities: NDArray[np.float32], classes: ClassMap) -> Iterator[dict[str, Any]]:
    """Polygons, or masks where there are holes, of the connected regions of each class.

    Args:
        probabilities: Class probabilities, float32 [classes, H, W].
        classes: The classes; the background is left out, because unlabelled pixels are background in LabelMe.
    """
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    names = {number: name for number, name in enumerate(classes.names) if name not in NO_CLASSES}
    for number, region in enumerate(regions_of(labels, names, NOWHERE), start=1):
        mask = TracedMask(cast(Rle, region.outline))
        if mask.crop is None or mask.area_px < SMALLEST * labels.size:
            continue
        pixels, left, top = mask.crop
        of_class = probabilities[classes.id_of(region.label)]
        inside = of_class[top : top + pixels.shape[0], left : left + pixels.shape[1]][pixels > 0]
        yield from outline_shapes(region.label, mask, number, description=confidence(float(inside.mean())))


def _mirrored(rgb: RgbImage) -> RgbImage:
    return np.ascontiguousarray(rgb[:, ::-1])
