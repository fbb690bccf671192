"""Ranks images by how much a trained model disagrees with their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import Config, PredictConfig
from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.decoding.used_range import set_image_range
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.formats.masks import open_seg_dataset
from segcli.data.image import RgbImage, read_image, read_input, read_mask
from segcli.data.instances import InstanceSample
from segcli.data.lists import relative_name
from segcli.data.prefetch import map_ahead
from segcli.data.samples import SegSample, Split
from segcli.data.traced_mask import TracedMask
from segcli.errors import UsageError
from segcli.inference.decode_labels import logits_of
from segcli.inference.exported_model import ExportedModel
from segcli.models.task import Task
from segcli.progress import track
from segcli.report.objects import DrawnObject, draw_objects
from segcli.report.overlay import overlay
from segcli.steps.check.thumbnails import SIDE_PX, beside, fitted
from segcli.steps.predict.instance import InstancePredictor
from segcli.steps.predict.open_predictor import open_predictor
from segcli.steps.predict.semantic import SemanticPredictor
from segcli.weights.class_match import require_same_classes

TEMPERATURE = 0.1
"""Temperature of `softmin`; cleanlab's value."""
CONFIDENT = 0.5
"""Least score of a predicted object that counts as a missing label if no label matches it."""
SAME_IOU = 0.5


@dataclass(frozen=True)
class RankedImage:
    """One image and how well its labels agree with the model.

    Attributes:
        name: Path relative to the dataset.
        split: Its split.
        score: 0 (the model contradicts the labels) to 1 (it agrees).
        why: Reason for the score, as text.
        draw: Draws the image with its labels beside the image with the predictions: RGB, uint8 [H, W, 3].
    """

    name: str
    split: Split
    score: float
    why: str
    draw: Callable[[], RgbImage]


def ranked_labels(config: Config, folder: Path, task: Task) -> list[RankedImage]:
    """Ranks all images of a dataset, those with the most doubtful labels first.

    Args:
        config: Names the dataset and the device.
        folder: Folder of an exported model.
        task: Semantic or instance.

    Raises:
        UsageError: The model is for another task.
        WeightsError: The folder holds no exported model, or its classes are not those of the dataset.
        DatasetError: The dataset has errors.
    """
    model = ExportedModel.open(folder)
    predictor = open_predictor(model.model_name, folder, PredictConfig(), config.Global.device)
    set_image_range(model.preprocess.reads_by)
    ranked: Iterable[RankedImage]
    if isinstance(predictor, SemanticPredictor) and task is Task.SEMANTIC:
        dataset = open_seg_dataset(config.Global.dataset, config.Train.num_classes)
        require_same_classes(model.class_names, dataset.classes.names, folder, dataset.root)
        samples = [(sample, split) for split in Split for sample in dataset.samples(split)]
        ranked = _semantic(predictor, samples, dataset.root, dataset.classes)
    elif isinstance(predictor, InstancePredictor) and task is Task.INSTANCE:
        objects = open_instance_dataset(config.Global.dataset)
        require_same_classes(model.class_names, objects.classes.names, folder, objects.root)
        images = [(sample, split) for split in Split for sample in objects.samples(split)]
        ranked = _instance(predictor, images, objects.root, objects.classes)
    else:
        raise UsageError(f"holds {model.model_name}, which is not for {task.value} data", path=folder)
    return sorted(ranked, key=lambda one: one.score)


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


def _semantic(
    predictor: SemanticPredictor, samples: Sequence[tuple[SegSample, Split]], root: Path, classes: ClassMap
) -> Iterator[RankedImage]:
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
                relative_name(sample.image, root),
                split,
                softmin(found),
                f"the model gives another class to {unlike:.1f} % of the labelled pixels",
                _drawn_labels(sample, outputs.argmax(axis=0).astype(np.uint8), classes),
            )


def _drawn_labels(sample: SegSample, predicted: NDArray[np.uint8], classes: ClassMap) -> Callable[[], RgbImage]:
    def draw() -> RgbImage:
        rgb = fitted(read_image(sample.image), SIDE_PX)
        size = (rgb.shape[1], rgb.shape[0])
        maps = (cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST) for ids in (read_mask(sample.mask), predicted))
        return beside(*(overlay(rgb, np.asarray(ids, np.uint8), classes) for ids in maps))

    return draw


def _instance(
    predictor: InstancePredictor, samples: Sequence[tuple[InstanceSample, Split]], root: Path, classes: ClassMap
) -> Iterator[RankedImage]:
    for sample, split in track(samples, "label quality", len(samples)):
        found = predictor.find(read_image(sample.image))
        given = [one.to_rle(sample.height, sample.width) for one in sample.objects]
        sure = np.flatnonzero(found.scores >= CONFIDENT)
        masks = [found.masks[number] for number in sure]
        overlaps = _overlaps(masks, given)
        missing = [n for n, row in zip(sure, overlaps, strict=True) if not (row >= SAME_IOU).any()]
        strange = int((overlaps.max(axis=0, initial=0.0) < SAME_IOU).sum()) if given else 0
        doubt = max((float(found.scores[number]) for number in missing), default=0.0)
        extra = strange / max(len(given), 1)
        reason = f"{len(missing)} confident objects without a label, {strange} of {len(given)} labels without an object"
        shapes = [(masks[place], int(found.classes[number])) for place, number in enumerate(sure)]
        yield RankedImage(
            relative_name(sample.image, root), split, (1 - doubt) * (1 - extra / 2), reason,
            _drawn_objects(sample, shapes, classes),
        )  # fmt: skip


def _overlaps(found: Sequence[rle.Rle], given: Sequence[rle.Rle]) -> NDArray[np.float64]:
    """IoU of masks, [found, given]."""
    return rle.overlaps(found, given, [False] * len(given))


def _drawn_objects(
    sample: InstanceSample, found: Sequence[tuple[rle.Rle, int]], classes: ClassMap
) -> Callable[[], RgbImage]:
    def draw() -> RgbImage:
        rgb = read_image(sample.image)
        given = [(one.to_rle(sample.height, sample.width), one.class_id) for one in sample.objects]
        drawn = []
        for objects in (given, found):
            shapes = [DrawnObject(TracedMask(mask), _corners(mask), id_, classes.names[id_]) for mask, id_ in objects]
            drawn.append(fitted(draw_objects(rgb, shapes, classes), SIDE_PX))
        return beside(*drawn)

    return draw


def _corners(mask: rle.Rle) -> tuple[float, float, float, float]:
    left, top, width, height = rle.bounding_box(mask)
    return left, top, left + width, top + height
