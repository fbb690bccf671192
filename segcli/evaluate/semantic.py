"""Measures a semantic network on labelled pictures, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import ClassMap
from segcli.data.codes import finding
from segcli.data.samples import SegSample
from segcli.errors import DatasetError
from segcli.evaluate.boundary import BoundaryCounts
from segcli.evaluate.confusion import ConfusionMatrix, UnknownIdError
from segcli.evaluate.metrics import AbsentClass
from segcli.evaluate.report import SemanticReport
from segcli.evaluate.samples import LoadedSample, grouped, load_ahead
from segcli.models.spec import Preprocess
from segcli.predict.labelling import Labels, label_maps
from segcli.predict.preprocess import Forward
from segcli.predict.tiles import label_map_tiled
from segcli.progress import track


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
    boundary: bool = False,
) -> SemanticReport:
    """Compares what a network predicts with the masks.

    Args:
        forward: The network: float32 [N, 3, H, W] to logits [N, classes, h, w]; logits of another size than the mask
            are resized to it.
        samples: Pictures and masks.
        classes: The classes; mask pixels of their `ignore_index` count for nothing.
        preprocess: How pictures become the network's input.
        batch_size: Pictures at once; only neighbours of equal size are joined. With a sliding window, tiles at once.
        absent_class: What a class in neither truth nor prediction does to the means.
        sliding_window: Measures in overlapping tiles, as PaddleSeg's `slide_inference` does.
        input_size: Height and width that the network needs; None gives it the pictures as they are.
        boundary: Measures the boundary IoU too, which takes a few milliseconds a class and picture.

    Raises:
        DatasetError: A sample cannot be read, its sizes differ, or its mask holds an unknown id.
    """
    matrix = ConfusionMatrix(len(classes), classes.ignore_index)
    outlines = BoundaryCounts(len(classes), classes.ignore_index) if boundary else None

    def predict(batch: Sequence[LoadedSample]) -> list[Labels]:
        pictures = [loaded.picture for loaded in batch]
        if sliding_window is None:
            return label_maps(forward, pictures, preprocess, input_size=input_size)
        return [
            label_map_tiled(forward, picture, preprocess, sliding_window, batch_size=batch_size, input_size=input_size)
            for picture in pictures
        ]

    shown = track(load_ahead(samples, batch_size + 1), "evaluate", len(samples))
    for batch in grouped(shown, batch_size):
        for loaded, labels in zip(batch, predict(batch), strict=True):
            _count(matrix, labels, loaded)
            if outlines is not None:
                outlines.update(labels, loaded.mask)
    boundary_iou = None if outlines is None else outlines.compute()
    return SemanticReport(classes, matrix.compute(), len(samples), absent_class, boundary_iou)


def _count(matrix: ConfusionMatrix, labels: Labels, loaded: LoadedSample) -> None:
    try:
        matrix.update(labels, loaded.mask)
    except UnknownIdError as error:
        fault = finding("S304", str(loaded.sample.mask), str(error))
        raise DatasetError(str(error), [fault], path=loaded.sample.mask, hint=fault.hint) from error
