"""Objects of images from an exported instance model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from segcli.data.detections import Detections
from segcli.data.image import RgbImage
from segcli.data.sources import SourceItem
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import DRAW_THRESHOLD
from segcli.inference.instance_input import prepare
from segcli.models.instance.table import SIZED
from segcli.steps.predict.exported_predictor import ExportedPredictor
from segcli.steps.predict.instance_results import InstanceResult


@dataclass(frozen=True)
class InstancePredictor(ExportedPredictor):
    """An opened model; images run one by one, as PaddleX's exported instance models do.

    Attributes:
        settings: Of these `threshold` counts here.
    """

    most_classes: ClassVar[int] = 1000

    @property
    def threshold(self) -> float:
        """Smallest score of an object: the configured one, else the model's own."""
        if self.settings.threshold is not None:
            return self.settings.threshold
        return DRAW_THRESHOLD if self.model.threshold is None else self.model.threshold

    def predict(self, items: Sequence[SourceItem]) -> Iterator[InstanceResult]:
        """One result for each item that has an image, in order."""
        for item in items:
            if item.rgb is not None:
                yield InstanceResult(item, self.find(item.rgb), self.classes)

    def find(self, rgb: RgbImage) -> Detections:
        """The objects of an image (RGB, uint8 [H, W, 3]) with scores of at least the threshold, best first."""
        form = SIZED[self.model.model_name].masks if self.model.gives_small_masks else None
        finder = ObjectFinder(self.runtime.run_named, form)
        found = finder([prepare(rgb, self.model.preprocess)], self.threshold)[0]
        order = np.argsort(-found.scores, kind="stable")
        return Detections(
            found.scores[order],
            found.classes[order],
            tuple(found.masks[index] for index in order),
            None if found.boxes is None else found.boxes[order],
        )
