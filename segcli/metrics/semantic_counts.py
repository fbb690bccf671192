"""Counts per image for the metrics of label maps, mergeable over processes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segcli.data.classes import ClassMap
from segcli.data.image import Labels, RgbImage, shown
from segcli.inference.label_scores import LabelScores
from segcli.metrics.confusion import ConfusionMatrix, Counts, near_border_confusions
from segcli.metrics.image_facts import look_of
from segcli.metrics.image_rows import ImageRows
from segcli.metrics.label_pair import LabelPair
from segcli.metrics.table import ImageMetric

FACTS = ("width", "height", "brightness", "contrast", "saturation", "sharpness", "classes")
"""Stored facts of an image: size in pixels, the values of `image_facts.look_of`, number of true classes."""


def facts_of(rgb: RgbImage, size: tuple[int, ...], present: int) -> NDArray[np.float64]:
    """The values of `FACTS`, float64 [7]."""
    return np.array([size[1], size[0], *look_of(shown(rgb)), present])


class SemanticCounts:
    """Accumulator of confusion counts and further metrics per image.

    Args:
        classes: The classes.
        metrics: Metrics to measure in addition to the confusion matrix.
    """

    def __init__(self, classes: ClassMap, metrics: Sequence[ImageMetric] = ()) -> None:
        self.classes = classes
        self.metrics = tuple(metrics)
        count = len(classes)
        self.matrix = ConfusionMatrix(count, classes.ignore_index)
        self.confusions = ImageRows(count * count)
        self.near_borders = ImageRows(count * count)
        self.facts = ImageRows(len(FACTS), np.float64)
        self.extras = {metric.name: ImageRows(metric.columns * count, np.float64) for metric in self.metrics}

    def update(
        self,
        place: int,
        labels: Labels,
        truth: Labels,
        rgb: RgbImage | None = None,
        scores: LabelScores | None = None,
        *,
        whole: Labels | None = None,
    ) -> Counts:
        """Adds one image.

        Args:
            place: Its place in the dataset.
            labels: Predicted ids, uint8 [H, W].
            truth: True ids, uint8 [H, W].
            rgb: The image; only statistics of its appearance are kept.
            scores: Confidence and logits of the prediction; some metrics need them.
            whole: What is predicted from the whole image, uint8 [H, W], if `labels` are from tiles; some metrics need
                it.

        Returns:
            Its confusion matrix, int64 [truth, prediction].

        Raises:
            UnknownIdError: The truth holds an id that is neither a class nor ignored.
            ValueError: The shapes differ, or the image was added before.
        """
        matrix = self.matrix.update(labels, truth)
        self.confusions.update(place, matrix.reshape(-1))
        near = near_border_confusions(labels, truth, len(self.classes), self.classes.ignore_index)
        self.near_borders.update(place, near.reshape(-1))
        if rgb is not None:
            present = int(np.count_nonzero(matrix.sum(axis=1)))
            self.facts.update(place, facts_of(rgb, truth.shape, present))
        pair = LabelPair(labels, truth, len(self.classes), self.classes.ignore_index, scores, whole)
        for metric in self.metrics:
            self.extras[metric.name].update(place, metric.count(pair))
        return matrix

    def merge(self, other: SemanticCounts) -> None:
        """Adds the counts of another accumulator, of other images of the same dataset.

        Raises:
            ValueError: The classes differ, or both contain the same image.
        """
        self.matrix.merge(other.matrix)
        self.confusions.merge(other.confusions)
        self.near_borders.merge(other.near_borders)
        self.facts.merge(other.facts)
        for name, rows in self.extras.items():
            rows.merge(other.extras[name])
