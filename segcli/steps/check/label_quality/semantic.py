"""How much a semantic model disagrees with the masks of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import Config
from segcli.data.classes import ClassMap
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import RgbImage, read_image, read_input, read_mask
from segcli.data.lists import relative_name
from segcli.data.prefetch import map_ahead
from segcli.data.samples import SegSample, Split
from segcli.inference.decode_labels import logits_of
from segcli.progress import track
from segcli.report.overlay import overlay
from segcli.steps.check.label_quality.ranked import RankedImage
from segcli.steps.check.thumbnails import SIDE_PX, beside, fitted
from segcli.steps.predict.semantic import SemanticPredictor
from segcli.weights.class_match import require_same_classes

TEMPERATURE = 0.1
"""Temperature of `softmin`; cleanlab's value."""


def label_quality_semantic(config: Config, predictor: SemanticPredictor, folder: Path) -> Iterator[RankedImage]:
    """The images of a dataset with the scores of their masks; see `ranked_labels`."""
    dataset = open_seg_dataset(config.Global.dataset, config.Train.num_classes)
    require_same_classes(predictor.model.class_names, dataset.classes.names, folder, dataset.root)
    samples = [(sample, split) for split in Split for sample in dataset.samples(split)]

    def load(job: tuple[SegSample, Split]) -> tuple[SegSample, Split, RgbImage, NDArray[np.uint8]]:
        return (*job, read_input(job[0].image), read_mask(job[0].mask))

    for sample, split, rgb, ids in track(map_ahead(load, samples), "label quality", len(samples)):
        model = predictor.model
        outputs = logits_of(predictor.runtime.run, rgb, model.preprocess, input_size=model.input_size)
        logits = predictor.activation.logits(outputs)
        size = (logits.shape[2], logits.shape[1])
        small = np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        found = given_label_probability(logits, small)
        if found.size:
            unlike = 100 * float((found < 0.5).mean())
            yield RankedImage(
                relative_name(sample.image, dataset.root),
                split,
                softmin(found),
                f"the model gives another class to {unlike:.1f} % of the labelled pixels",
                _drawn_labels(sample, outputs.argmax(axis=0).astype(np.uint8), dataset.classes),
            )


def _drawn_labels(sample: SegSample, predicted: NDArray[np.uint8], classes: ClassMap) -> Callable[[], RgbImage]:
    def draw() -> RgbImage:
        rgb = fitted(read_image(sample.image), SIDE_PX)
        size = (rgb.shape[1], rgb.shape[0])
        maps = (cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST) for ids in (read_mask(sample.mask), predicted))
        return beside(*(overlay(rgb, np.asarray(ids, np.uint8), classes) for ids in maps))

    return draw


def softmin(scores: NDArray[Any], temperature: float = TEMPERATURE) -> float:
    """A mean of scores, of any shape, weighted towards the lowest ones; 0 to 1 for scores of 0 to 1.

    Source: V. Lad, J. Mueller, "Estimating label quality and errors in semantic segmentation data via any model",
    2023, section 3: the method with the best ranking.
    """
    values = np.asarray(scores, np.float64).ravel()
    weights = np.exp((values.min() - values) / temperature)
    return float((weights * values).sum() / weights.sum())


def given_label_probability(logits: NDArray[np.float32], ids: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probability of the given label at each pixel that has one, float32 [n].

    Args:
        logits: Float32 [classes, h, w].
        ids: Class ids, uint8 [h, w]; pixels without a class are left out.
    """
    known = ids < len(logits)
    chosen = logits[:, known].astype(np.float32)
    chosen -= chosen.max(axis=0)
    np.exp(chosen, out=chosen)
    own = np.take_along_axis(chosen, ids[known][None].astype(np.intp), axis=0)[0]
    return np.asarray(own / chosen.sum(axis=0), np.float32)
