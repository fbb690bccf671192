"""Predicts objects with an exported instance model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from segcli.config.schema import SlidingWindowConfig
from segcli.data.detections import Detections
from segcli.data.image import RgbImage
from segcli.data.sources import SourceItem
from segcli.data.windows import Windows
from segcli.inference.augmented_objects import ObjectViews
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import DRAW_THRESHOLD
from segcli.inference.object_tiles import objects_tiled
from segcli.steps.predict.exported_predictor import ExportedPredictor
from segcli.steps.predict.instance_results import InstanceResult


@dataclass(frozen=True)
class InstancePredictor(ExportedPredictor):
    """An opened model; images run one by one, as PaddleX's exported instance models do.

    Attributes:
        settings: Settings; `threshold`, `augment`, `sliding_window` and `memory_mb` are used here.
    """

    most_classes: ClassVar[int] = 1000

    @property
    def threshold(self) -> float:
        """Lowest score of an object: from the configuration, else from the model."""
        if self.settings.threshold is not None:
            return self.settings.threshold
        return DRAW_THRESHOLD if self.model.threshold is None else self.model.threshold

    def predict(self, items: Sequence[SourceItem]) -> Iterator[InstanceResult]:
        """One result for each item that has an image, in order."""
        for item in items:
            image = item.windows
            if image is None:
                continue
            window = self.tiling.window if item.rgb is None else self.tiling.of(image.size)
            found = self.find(item.rgb) if item.rgb is not None and window is None else self._tiled(image, window)
            yield InstanceResult(item, found, self.classes, window)

    def find(self, rgb: RgbImage) -> Detections:
        """The objects of an image (RGB, uint8 [H, W, 3]) with scores of at least the threshold, best first."""
        finder = ObjectFinder(self.runtime.run_named, self.model.mask_form, self.model.temperature)
        views = ObjectViews(self.model.preprocess, self.settings.augment)
        if self.settings.augment.count == 1:
            found = finder(views.prepare(rgb), self.threshold)[0]
        else:
            found = views.find(finder, [views.prepare(rgb)])[0]
            found = found.chosen(np.flatnonzero(np.asarray(found.scores) >= self.threshold))
        return found.best_first()

    def _tiled(self, image: Windows, window: SlidingWindowConfig | None) -> Detections:
        """The objects of an image that is processed in tiles."""
        return objects_tiled(self.find, image, window or self.tiling.window)
