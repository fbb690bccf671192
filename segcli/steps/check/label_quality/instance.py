"""How much an instance model disagrees with the objects of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import Config
from segcli.data import rle
from segcli.data.classes import ClassMap
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.image import RgbImage, read_image
from segcli.data.instances import InstanceSample
from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.plurals import counted
from segcli.progress import track
from segcli.report.objects import DrawnObject, draw_objects
from segcli.steps.check.label_quality.ranked import RankedImage
from segcli.steps.check.thumbnails import SIDE_PX, beside, fitted
from segcli.steps.predict.instance import InstancePredictor
from segcli.weights.class_match import require_same_classes

CONFIDENT = 0.5
"""Least score of a predicted object that counts as a missing label if no label matches it."""
SAME_IOU = 0.5


def label_quality_instance(config: Config, predictor: InstancePredictor, folder: Path) -> Iterator[RankedImage]:
    """The images of a dataset with the scores of their objects; see `ranked_labels`."""
    dataset = open_instance_dataset(config.Global.dataset)
    require_same_classes(predictor.model.class_names, dataset.classes.names, folder, dataset.root)
    images = [(sample, split) for split in Split for sample in dataset.samples(split)]
    return rank_objects(predictor, images, dataset.root, dataset.classes)


def rank_objects(
    predictor: InstancePredictor, samples: Sequence[tuple[InstanceSample, Split]], root: Path, classes: ClassMap
) -> Iterator[RankedImage]:
    """The images with the scores of their objects, 0 to 1."""
    for sample, split in track(samples, "label quality", len(samples)):
        found = predictor.find(read_image(sample.image))
        given = [one.to_rle(sample.height, sample.width) for one in sample.objects]
        sure = np.flatnonzero(found.scores >= CONFIDENT)
        masks = [found.masks[number] for number in sure]
        match = _overlaps(masks, given) >= SAME_IOU
        named = np.array([one.class_id for one in sample.objects], np.int64)
        agree = match & (found.classes[sure][:, None] == named[None, :])
        missing, renamed = sure[~match.any(axis=1)], sure[match.any(axis=1) & ~agree.any(axis=1)]
        strange = int((~match.any(axis=0)).sum())
        doubt = max((float(found.scores[number]) for number in (*missing, *renamed)), default=0.0)
        extra = strange / max(len(given), 1)
        reason = (
            f"{counted(len(missing), 'confident object')} without a label, {len(renamed)} of another class than the "
            f"label, {strange} of {counted(len(given), 'label')} without an object"
        )
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
