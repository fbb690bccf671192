"""Evaluates a semantic network on labelled images; images are streamed, and no label maps are kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import ClassMap
from segcli.data.image import Labels, RgbImage
from segcli.data.loading import LoadedSample, grouped, load_ahead
from segcli.data.samples import SegSample
from segcli.errors import DatasetError
from segcli.inference.activation import PLAIN, Activation
from segcli.inference.decode_labels import label_maps, scored_maps
from segcli.inference.failed_image import Place, answered
from segcli.inference.label_scores import LabelScores
from segcli.inference.preprocess import Forward
from segcli.inference.tiles import TileSettings, label_map_tiled, scored_map_tiled
from segcli.metrics.confusion import UnknownIdError
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.semantic_scores import AbsentClass
from segcli.metrics.table import ImageMetric
from segcli.models.spec import Preprocess
from segcli.processes import merged, own_share
from segcli.progress import track
from segcli.rules import finding

log = logging.getLogger("segcli.evaluate")

LabelMaps = Callable[[Sequence[LoadedSample]], Sequence[Labels | LabelScores]]
"""Returns the label maps of samples of equal size, with the network's scores if metrics need them."""
WholeMaps = Callable[[Sequence[LoadedSample]], Sequence[Labels | None]]
"""Returns the label maps of samples of equal size without tiles; None for those that are not cut into tiles anyway."""


def measure(
    forward: Forward,
    samples: Sequence[SegSample],
    classes: ClassMap,
    preprocess: Preprocess,
    *,
    batch_size: int = 1,
    absent_class: AbsentClass = "exclude",
    sliding_window: SlidingWindowConfig | None = None,
    input_size: tuple[int, int] | None = None,
    metrics: Sequence[ImageMetric] = (),
    log_interval: int | None = None,
) -> SemanticReport:
    """Compares the predictions of a network with the masks; with several processes, each evaluates its share.

    Args:
        forward: The network: float32 [N, 3, H, W] to logits [N, classes, h, w]; logits of another size than the mask
            are resized to it.
        samples: Images and masks.
        classes: The classes; mask pixels of their `ignore_index` are ignored.
        preprocess: The network's preprocessing.
        batch_size: Images per batch; only neighbours of equal size are batched together. With a sliding window, tiles
            per batch.
        absent_class: How a class in neither truth nor prediction counts in the means.
        sliding_window: Predicts in overlapping tiles, as PaddleSeg's `slide_inference` does.
        input_size: Height and width that the network needs; None does not resize the images.
        metrics: Metrics in addition to the confusion matrix, each a few milliseconds per class and image.
        log_interval: Images between two lines of the log; None logs none.

    Raises:
        DatasetError: A sample cannot be read, its sizes differ, or its mask holds an unknown id.
        FailedImageError: The network fails on an image.
    """

    def predict(batch: Sequence[LoadedSample]) -> list[Labels]:
        images = [loaded.rgb for loaded in batch]
        return predicted(
            forward, images, preprocess, batch_size=batch_size, window=sliding_window, input_size=input_size
        )

    return measure_label_maps(
        predict,
        samples,
        classes,
        batch_size=batch_size,
        absent_class=absent_class,
        metrics=metrics,
        log_interval=log_interval,
    )


def predicted(
    forward: Forward,
    images: Sequence[RgbImage],
    preprocess: Preprocess,
    *,
    batch_size: int = 1,
    window: SlidingWindowConfig | None = None,
    input_size: tuple[int, int] | None = None,
    own_size: bool = True,
) -> list[Labels]:
    """The label maps of images of equal size, predicted as one batch or each in tiles; see `measure`.

    Args:
        own_size: Returns label maps of the images' size; False returns them in the size of the network's input, and
            has no effect with tiles.
    """
    if window is None:
        return label_maps(forward, images, preprocess, input_size=input_size, own_size=own_size)
    settings = TileSettings(preprocess, window, batch_size=batch_size, input_size=input_size)
    return [label_map_tiled(forward, rgb, settings) for rgb in images]


def scored(
    forward: Forward,
    images: Sequence[RgbImage],
    preprocess: Preprocess,
    *,
    batch_size: int = 1,
    window: SlidingWindowConfig | None = None,
    input_size: tuple[int, int] | None = None,
    own_size: bool = True,
    activation: Activation = PLAIN,
) -> list[LabelScores]:
    """Like `predicted`, with the network's scores; `activation` says how its outputs become probabilities."""
    if window is None:
        return scored_maps(forward, images, preprocess, own_size=own_size, input_size=input_size, activation=activation)
    settings = TileSettings(preprocess, window, batch_size=batch_size, input_size=input_size)
    return [scored_map_tiled(forward, rgb, settings, activation=activation) for rgb in images]


def measure_label_maps(
    label_maps_of: LabelMaps,
    samples: Sequence[SegSample],
    classes: ClassMap,
    *,
    batch_size: int = 1,
    absent_class: AbsentClass = "exclude",
    metrics: Sequence[ImageMetric] = (),
    log_interval: int | None = None,
    resize_masks: bool = False,
    whole_maps_of: WholeMaps | None = None,
) -> SemanticReport:
    """Compares label maps from any source with the masks; see `measure`.

    Args:
        label_maps_of: Returns the label maps of some samples, each of the size of its mask.
        resize_masks: Resizes the masks to the size of the label maps.
        whole_maps_of: Returns the label maps without tiles, for metrics that compare both; None where none does.

    Raises:
        DatasetError: A sample cannot be read, its sizes differ, or its mask holds an unknown id.
        FailedImageError: The network fails on an image.
    """
    own, places = own_share(samples), iter(own_share(range(len(samples))))
    counts = SemanticCounts(classes, metrics)
    done = 0
    shown = track(load_ahead(own, batch_size + 1), "evaluate", len(own))
    for batch in grouped(shown, batch_size):
        wholes = [None] * len(batch) if whole_maps_of is None else answered(whole_maps_of, batch, _place)
        for loaded, labels, whole in zip(batch, answered(label_maps_of, batch, _place), wholes, strict=True):
            count_labels(counts, next(places), labels, loaded, resize_mask=resize_masks, whole=whole)
            done += 1
            if log_interval and done % log_interval == 0:
                so_far = SemanticReport(counts, done, absent_class).miou
                log.info("%d of %d images, mIoU so far %.4f", done, len(own), so_far)
    return SemanticReport(merged(counts), len(samples), absent_class)


def _place(loaded: LoadedSample) -> Place:
    return loaded.sample.image, (loaded.rgb.shape[0], loaded.rgb.shape[1])


def count_labels(
    counts: SemanticCounts,
    place: int,
    found: Labels | LabelScores,
    loaded: LoadedSample,
    *,
    resize_mask: bool = False,
    whole: Labels | None = None,
) -> None:
    """Counts the label map of one sample by its place in the dataset.

    Raises:
        DatasetError: The mask holds an id that is neither a class nor ignored.
    """
    scores = found if isinstance(found, LabelScores) else None
    labels = found.labels if isinstance(found, LabelScores) else found
    mask = loaded.mask
    if resize_mask and labels.shape != mask.shape:
        mask = np.asarray(cv2.resize(mask, labels.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    try:
        counts.update(place, labels, mask, loaded.rgb, scores, whole=whole)
    except UnknownIdError as error:
        fault = finding("S304", str(loaded.sample.mask), str(error))
        raise DatasetError(str(error), [fault], path=loaded.sample.mask, hint=fault.hint) from error
