"""What is evaluated: a network, or prediction files of any tool; both give label maps or detections per sample."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from segcli.config.folds import chosen_fold
from segcli.config.image_range import learnt_range
from segcli.config.schema import Config
from segcli.data.decoding.image_range import ImageRange
from segcli.data.decoding.used_range import set_image_range
from segcli.data.detections import Detections
from segcli.data.formats.instance_data import open_instance_dataset
from segcli.data.image import Labels
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.loading import LoadedSample, read_sized
from segcli.data.predictions import PredictedLabelMaps, detections_of, read_detections
from segcli.data.samples import SegDataset
from segcli.data.splits.folds import fold_of
from segcli.data.temporary import lasting_path
from segcli.errors import InputError, UsageError
from segcli.inference.augmented import augmented
from segcli.inference.augmented_objects import ObjectViews
from segcli.inference.label_scores import LabelScores
from segcli.inference.tiling import Tiling
from segcli.metrics.image_facts import look_of
from segcli.metrics.instance_measure import Detector, measure, measure_detections
from segcli.metrics.instance_report import InstanceReport
from segcli.metrics.mask_ap import MaskAP
from segcli.metrics.matching import Limits
from segcli.metrics.semantic_measure import WholeMaps, measure_label_maps, predicted, scored
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.table import image_metrics
from segcli.steps.evaluate.class_match import dataset_for
from segcli.weights.class_match import require_same_classes

log = logging.getLogger("segcli.evaluate")

FILES = "files"
"""Shown as the runtime of prediction files."""
PREDICTIONS = "predictions"
"""Shown as the model name of prediction files."""


@dataclass(frozen=True)
class LabelSubject:
    """A source of label maps.

    Attributes:
        name: Name of the model.
        source: Path of the weights or the predictions.
        runtime: The runtime that runs it.
        dataset: The dataset, whose classes match the subject's.
        label_maps: Returns the label maps of samples of the same size.
        batch_size: Images per call of `label_maps`.
        image_range: Range of values by which images of more than 8 bits are read.
        tiling: How large images are cut into tiles; None for prediction files.
        scores: Returns label maps with probabilities; None for prediction files.
        whole_maps: Returns the label maps without tiles; None for prediction files.
        sha256: Checksum of the weight file; empty if unknown.
    """

    name: str
    source: Path
    runtime: str
    dataset: SegDataset
    label_maps: Callable[[Sequence[LoadedSample]], Sequence[Labels]]
    batch_size: int
    image_range: ImageRange = field(default_factory=ImageRange)
    tiling: Tiling | None = None
    scores: Callable[[Sequence[LoadedSample]], Sequence[LabelScores]] | None = None
    sha256: str = ""
    whole_maps: WholeMaps | None = None

    def measure(self, config: Config) -> SemanticReport:
        """Measures the validation split by the protocol of a configuration."""
        settings = config.Evaluate
        set_image_range(self.image_range)
        metrics = image_metrics(settings)
        needs_scores = any(metric.needs_scores for metric in metrics)
        if needs_scores and self.scores is None:
            raise UsageError("Evaluate.calibration needs the probabilities of a network, which label files do not have")
        needs_whole = any(metric.needs_whole for metric in metrics)
        return measure_label_maps(
            self.scores if needs_scores and self.scores is not None else self.label_maps,
            self.dataset.val,
            self.dataset.classes,
            batch_size=self.batch_size,
            absent_class=settings.absent_class,
            metrics=metrics,
            log_interval=settings.log_interval,
            resize_masks=settings.resolution == "network",
            whole_maps_of=self.whole_maps if needs_whole else None,
        )


@dataclass(frozen=True)
class ObjectSubject:
    """A source of detections.

    Attributes:
        name: Name of the model.
        source: Path of the weights or the predictions.
        runtime: The runtime that runs it.
        dataset: The dataset, whose classes match the subject's.
        detect: Returns the detections of one image.
        measure: Measures the validation split by the protocol of a configuration.
        tiling: How large images are cut into tiles; None for prediction files.
        sha256: Checksum of the weight file; empty if unknown.
    """

    name: str
    source: Path
    runtime: str
    dataset: CocoDataset
    detect: Callable[[InstanceSample], Detections]
    measure: Callable[[Config], InstanceReport]
    tiling: Tiling | None = None
    sha256: str = ""


@contextmanager
def open_labels(config: Config) -> Iterator[LabelSubject]:
    """The semantic model, or the predictions, that a configuration names.

    Raises:
        UsageError: There are no weights, or `Evaluate.augment` is set for predictions.
        WeightsError: They cannot be opened, or their classes differ from the dataset's.
        DatasetError: The dataset has faults.
        InputError: The predictions cannot be read.
    """
    if config.Evaluate.predictions is not None:
        yield _label_files(_predictions(config), config)
        return
    from segcli.steps.evaluate.open_model import open_measured

    settings = config.Evaluate
    with open_measured(config) as model:
        batch_size = min(settings.batch_size, model.batch_limit or settings.batch_size)
        fixed = None if model.takes_any_size else model.input_size
        forward, activation = augmented(model.forward, settings.augment, fixed, model.activation)

        tiling = model.tiling(config)

        def label_maps(batch: Sequence[LoadedSample]) -> list[Labels]:
            return predicted(forward, [loaded.rgb for loaded in batch], model.preprocess, **_forward_options(batch))

        def scores(batch: Sequence[LoadedSample]) -> list[LabelScores]:
            images = [loaded.rgb for loaded in batch]
            return scored(forward, images, model.preprocess, activation=activation, **_forward_options(batch))

        def whole_maps(batch: Sequence[LoadedSample]) -> Sequence[Labels | None]:
            images = [loaded.rgb for loaded in batch]
            if tiling.of((images[0].shape[0], images[0].shape[1])) is None:
                return [None] * len(batch)
            return predicted(forward, images, model.preprocess, input_size=model.input_size)

        def _forward_options(batch: Sequence[LoadedSample]) -> dict[str, Any]:
            height, width = batch[0].rgb.shape[:2]
            options: dict[str, Any] = {"batch_size": batch_size, "window": tiling.of((height, width))}
            return {**options, "input_size": model.input_size, "own_size": settings.resolution == "original"}

        dataset = dataset_for(model.class_names, model.source, config)
        log.info("%s runs on %s", lasting_path(model.source), model.runtime)
        about = model.model_name, model.source, model.runtime
        image_range = learnt_range(model.preprocess, config)
        yield LabelSubject(
            *about, dataset, label_maps, batch_size, image_range, tiling, scores, model.sha256, whole_maps
        )


@contextmanager
def open_objects(config: Config) -> Iterator[ObjectSubject]:
    """The instance model, or the predictions, that a configuration names; raises the errors of `open_labels`."""
    if config.Evaluate.predictions is not None:
        yield _object_files(_predictions(config), config)
        return
    from segcli.steps.evaluate.open_instance import open_measured

    settings = config.Evaluate
    with open_measured(config) as model:
        dataset = _objects_for(model.class_names, model.source, config)
        batch_size = min(settings.batch_size, model.batch_limit or settings.batch_size)
        image_range = learnt_range(model.preprocess, config)
        views = ObjectViews(model.preprocess, settings.augment)
        log.info("%s runs on %s", lasting_path(model.source), model.runtime)

        tiling = model.tiling(config)
        detector = Detector(model.find, views, tiling)

        def detect(sample: InstanceSample) -> Detections:
            set_image_range(image_range)
            return detector.detect([detector.load(sample)])[0]

        def measure_all(config: Config) -> InstanceReport:
            set_image_range(image_range)
            every: dict[str, Any] = {"batch_size": batch_size, "log_interval": config.Evaluate.log_interval}
            run = partial(measure, model.find, dataset.val, dataset.classes, views, **every)
            report = replace(run(tiling=tiling, **_measures(config)), temperature=model.find.temperature)
            if not config.Evaluate.tile_loss:
                return report
            return replace(report, whole=run(limits=report.limits).mask)

        about = model.model_name, model.source, model.runtime
        yield ObjectSubject(*about, dataset, detect, measure_all, tiling, model.sha256)


def _predictions(config: Config) -> Path:
    path = Path(str(config.Evaluate.predictions))
    if config.Evaluate.augment.count > 1:
        raise UsageError("Evaluate.augment cannot be applied to prediction files")
    if not path.exists():
        raise InputError("is not there", path=path, hint="name a folder or a file of predictions").for_missing_path()
    return path


def _label_files(path: Path, config: Config) -> LabelSubject:
    dataset = dataset_for((), path, config)
    files = PredictedLabelMaps(path, dataset.val)

    def label_maps(batch: Sequence[LoadedSample]) -> list[Labels]:
        return [files.read(loaded.sample, loaded.mask.shape, dataset.classes) for loaded in batch]

    return LabelSubject(PREDICTIONS, path, FILES, dataset, label_maps, 1)


def _object_files(path: Path, config: Config) -> ObjectSubject:
    dataset = _objects_for((), path, config)
    found = read_detections(path, dataset)

    def measure_all(config: Config) -> InstanceReport:
        images = ((sample, detections_of(found, sample), look_of(read_sized(sample))) for sample in dataset.val)
        measured = MaskAP(dataset.classes, **_measures(config))
        return measure_detections(images, measured, len(dataset.val), config.Evaluate.log_interval)

    return ObjectSubject(PREDICTIONS, path, FILES, dataset, lambda sample: detections_of(found, sample), measure_all)


def _measures(config: Config) -> dict[str, Any]:
    """The configured metrics, as keyword arguments of `measure` and `MaskAP`."""
    settings = config.Evaluate
    limits = Limits(settings.max_detections, settings.size_borders)
    return {"limits": limits, "boundary": settings.boundary_iou, "panoptic_score": settings.panoptic_score}


def _objects_for(names: tuple[str, ...], source: Path, config: Config) -> CocoDataset:
    folder = config.Global.dataset
    dataset = fold_of(open_instance_dataset(folder), chosen_fold(config))
    if names:
        require_same_classes(names, dataset.classes.names, source, folder)
    return dataset
