"""Measures promptable models on datasets: Segment Anything by boxes and clicks, LSeg by the names of the classes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.data import rle
from segcli.data.classes import ClassMap, is_background
from segcli.data.instances import InstanceSample
from segcli.data.loading import load, read_sized
from segcli.data.prefetch import batched
from segcli.data.samples import SegSample
from segcli.inference.decode_labels import argmax
from segcli.inference.failed_image import naming_image
from segcli.metrics.intervals import Intervals
from segcli.metrics.promptable_scores import BOX, NUM_CLICKS, PROTOCOLS, PromptCounts, evaluate_image
from segcli.metrics.semantic_counts import SemanticCounts
from segcli.metrics.semantic_measure import count_labels
from segcli.metrics.semantic_report import SemanticReport
from segcli.metrics.semantic_scores import AbsentClass
from segcli.processes import gathered, merged, own_share
from segcli.progress import track
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt
from segcli.promptable.text_predictor import BACKGROUND_TEXT, TextPredictor

log = logging.getLogger("segcli.evaluate")

TEXT_PROTOCOLS = {
    "mIoU": "each pixel is assigned to one of the names of all classes, the background's text among them",
    "binary_mIoU": "each name alone against the background's text, the mean over the names",
}
"""How the numbers of texts are measured, by their names in the results."""
MASKS_AT_ONCE = 32
"""Masks of the size of the image that are in memory together."""


@dataclass(frozen=True)
class ClickReport:
    """The masks that prompts for known objects gave, measured.

    Attributes:
        counts: Sums of IoU by kind of prompt.
        images: Images with objects.
        objects: Objects that prompts were made of.
        by_image: What each image with objects gave, by its place in the dataset.
        intervals: How far the numbers would move with other images, where that was computed.
    """

    counts: PromptCounts
    images: int
    objects: int
    by_image: Mapping[int, PromptCounts] = field(default_factory=dict, compare=False, repr=False)
    intervals: Intervals = field(default_factory=Intervals, compare=False)

    @property
    def score(self) -> float | None:
        """Mean IoU of the answers to boxes; None without objects."""
        return self.counts.compute().get("miou_box")

    def totals(self) -> dict[str, float]:
        """Mean IoU by kind of prompt; `miou_box_filled` is what must be beaten."""
        return self.counts.compute()

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        totals = self.totals()
        protocol = {name: text for name, text in PROTOCOLS.items() if name in totals}
        return {**totals, "images": self.images, "objects": self.objects, "protocol": protocol}


@dataclass(frozen=True)
class TextReport:
    """The masks that the names of the classes gave, measured.

    Attributes:
        labels: Every pixel given to one of all names.
        binary: For each class with a name: pixels shared and pixels of either, its name as the only prompt.
        images: How many were measured.
    """

    labels: SemanticReport
    binary: dict[str, tuple[int, int]]
    images: int

    @property
    def score(self) -> float | None:
        """Mean IoU over the names; None where none of them occurs."""
        return self.labels.totals()["mIoU"]

    def binary_iou(self) -> dict[str, float | None]:
        """IoU of each name as the only prompt against the background; None where it does not occur."""
        return {name: shared / either if either else None for name, (shared, either) in self.binary.items()}

    def totals(self) -> dict[str, float | None]:
        """The means."""
        known = [value for value in self.binary_iou().values() if value is not None]
        return {**self.labels.totals(), "binary_mIoU": float(np.mean(known)) if known else None}

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = {**self.totals(), "binary_IoU": self.binary_iou(), "classes": self.labels.per_class()}
        return {**values, "protocol": TEXT_PROTOCOLS}


@dataclass
class TextCounts:
    """Sums over images of one name as the only prompt; mergeable."""

    shared: dict[str, int] = field(default_factory=dict)
    either: dict[str, int] = field(default_factory=dict)

    def update(self, name: str, answer: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        """Adds one image's masks."""
        self.shared[name] = self.shared.get(name, 0) + int(np.count_nonzero(answer & truth))
        self.either[name] = self.either.get(name, 0) + int(np.count_nonzero(answer | truth))

    def merge(self, other: TextCounts) -> None:
        """Adds the sums over other images."""
        for own, added in ((self.shared, other.shared), (self.either, other.either)):
            for name, count in added.items():
                own[name] = own.get(name, 0) + count


def measure_clicks(
    predictor: SamPredictor,
    samples: Sequence[InstanceSample],
    *,
    most_clicks: int = NUM_CLICKS,
    log_interval: int = 0,
) -> ClickReport:
    """Prompts a network for every object of some images: by box, by one click, by three clicks.

    Args:
        predictor: The network.
        samples: Images with their objects; crowds are left out.
        most_clicks: Clicks per object; more than three measure NoC as well.
        log_interval: Images between two lines of the log; 0 for none.

    Raises:
        DatasetError: An image cannot be read, or has another size than the annotation file says.
        FailedImageError: The network fails on an image.
    """
    own, places = own_share(samples), own_share(range(len(samples)))
    found: dict[int, PromptCounts] = {}
    for number, (place, sample) in enumerate(zip(places, track(own, "evaluate", len(own)), strict=True), start=1):
        with naming_image(sample.image, (sample.height, sample.width)):
            for masks in batched(object_masks(sample), MASKS_AT_ONCE):
                if place not in found:
                    predictor.set_image(read_sized(sample), name=str(sample.image))
                    found[place] = PromptCounts()
                found[place].merge(evaluate_image(predictor, masks, most_clicks))
        if log_interval and number % log_interval == 0:
            log.info("%d of %d images", number, len(own))
    by_image = {place: counts for part in gathered(found) for place, counts in part.items()}
    by_image = dict(sorted(by_image.items()))
    total = PromptCounts()
    for counts in by_image.values():
        total.merge(counts)
    return ClickReport(total, len(by_image), len(total.ious[BOX]), by_image)


def measure_texts(
    predictor: TextPredictor,
    samples: Sequence[SegSample],
    classes: ClassMap,
    *,
    background: str = BACKGROUND_TEXT,
    absent_class: AbsentClass = "exclude",
    log_interval: int = 0,
) -> TextReport:
    """Prompts a network with the names of the classes in some images.

    Args:
        predictor: The network.
        samples: Images with their masks.
        classes: Their names are the texts.
        background: Text for the class that means nothing of interest, and beside a name that is the only prompt.
        absent_class: What a class in neither truth nor prediction does to the means.
        log_interval: Images between two lines of the log; 0 for none.

    Raises:
        DatasetError: An image or a mask cannot be read, a mask has another size than its image, or unknown ids.
        FailedImageError: The network fails on an image.
    """
    texts = label_texts(classes.names, background)
    labelled, counts = SemanticCounts(classes), TextCounts()
    named = [(index, name) for index, name in enumerate(classes.names) if not is_background(name)]
    own, places = own_share(samples), iter(own_share(range(len(samples))))
    for number, sample in enumerate(track(own, "evaluate", len(own)), start=1):
        loaded = load(sample)
        truth = loaded.mask
        prompts = [ObjectPrompt(text=texts[index]) for index, _ in named]
        with naming_image(sample.image, (loaded.rgb.shape[0], loaded.rgb.shape[1])):
            predictor.set_image(loaded.rgb, name=str(sample.image))
            labels = argmax(predictor.score(texts))
            answers = predictor.predict(prompts, background=background)
        count_labels(labelled, next(places), labels, loaded)
        counted = truth != classes.ignore_index
        for (index, name), answer in zip(named, answers, strict=True):
            counts.update(name, answer.mask & counted, truth == index)
        if log_interval and number % log_interval == 0:
            log.info("%d of %d images", number, len(own))
    report, counts = SemanticReport(merged(labelled), len(samples), absent_class), merged(counts)
    binary = {name: (counts.shared.get(name, 0), counts.either.get(name, 0)) for _, name in named}
    return TextReport(report, binary, len(samples))


def label_texts(names: Sequence[str], background: str = BACKGROUND_TEXT) -> list[str]:
    """The text of each class: its name with blanks for underscores, or the background's text."""
    return [background if is_background(name) else name.replace("_", " ").strip() for name in names]


def object_masks(sample: InstanceSample) -> Iterator[NDArray[np.bool_]]:
    """The masks of an image's objects, [H, W] each, without crowds and empty ones."""
    for value in sample.objects:
        code = value.to_rle(sample.height, sample.width)
        if not value.is_crowd and rle.area(code):
            yield np.asarray(rle.decode(code), np.bool_)
