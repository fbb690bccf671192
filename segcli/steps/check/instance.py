"""check_dataset for instance data: both annotation files, every image and every object, in one pass."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import Config
from segcli.cpu import reuse_memory
from segcli.data.boxes import xyxy_of
from segcli.data.decoding.range_of_images import use_range
from segcli.data.fingerprint.images import evenly, quantiles
from segcli.data.fingerprint.labels import fingerprint_of_objects
from segcli.data.formats.coco import CocoScan
from segcli.data.formats.instance_data import scan_instances
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.lists import relative_name
from segcli.data.prefetch import started
from segcli.data.samples import Split
from segcli.data.traced_mask import TracedMask
from segcli.findings import Finding, Severity, in_order
from segcli.garbage import HARDLY_EVER, collecting_rarely, set_aside
from segcli.models.task import Task
from segcli.rules import finding
from segcli.rules.repair_hints import with_repairs
from segcli.steps.check.augmented import augmented_in_both
from segcli.steps.check.copies import one_for_all
from segcli.steps.check.dataset_rules import dataset_findings
from segcli.steps.check.files import inspect_header, inspect_image_file, measure
from segcli.steps.check.fingerprint import FILE, Numbers, write_fingerprint
from segcli.steps.check.images import ImageTally, SizeRange
from segcli.steps.check.left_out import left_out_of_files
from segcli.steps.check.looks import LookedAt, LookPlan, looks
from segcli.steps.check.object_rules import object_faults
from segcli.steps.check.objects import ImageFacts, image_findings, place_of
from segcli.steps.check.objects_view import ObjectsView
from segcli.steps.check.placement import COMPARED, Placed, borders_of_objects, misplaced
from segcli.steps.check.places import Places
from segcli.steps.check.plain_facts import file_as_plain, file_from_plain
from segcli.steps.check.result import CheckResult, ClassCount
from segcli.steps.check.seen import SeenImage, SplitRules
from segcli.steps.check.settings import EVERY_FILE, PassSettings
from segcli.steps.check.thumbnails import draw_object_place
from segcli.steps.check.tiles import tiles_in_both

log = logging.getLogger("segcli.check")

MOST_COUNTED = 4096
"""Most classes for which co-occurrences are counted: the table grows with their square."""

CONSEQUENCES = {
    "C162": frozenset({"C145", "C146"}),
    "C114": frozenset({"C121", "C139", "C156"}),
    "C158": frozenset({"C145", "C146"}),
    "C159": frozenset({"C117", "C121", "C139"}),
}
"""Rules that a fault explains: their findings are dropped, as they would hide the cause."""

SPLIT_RULES = SplitRules(across="C151", within="C152", near="C153", group="C154")
_ANNOTATION = re.compile(r"annotation (\d{1,18})")
SIZES = ("small", "medium", "large")
SIZE_LIMITS_PX = (32**2, 96**2)
"""Areas in square pixels that separate COCO's size ranges."""


@dataclass
class ObjectTally:
    """Counts per split: objects and images per class, int64 [classes]; objects per size, int64 [3]; and images that
    show both of two classes, int64 [classes, classes], empty above `MOST_COUNTED` classes."""

    classes: int
    objects: dict[Split, NDArray[np.int64]] = field(init=False)
    images: dict[Split, NDArray[np.int64]] = field(init=False)
    by_size: dict[Split, NDArray[np.int64]] = field(init=False)
    together: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.objects = {split: np.zeros(self.classes, np.int64) for split in Split}
        self.images = {split: np.zeros(self.classes, np.int64) for split in Split}
        self.by_size = {split: np.zeros(len(SIZES), np.int64) for split in Split}
        counted = self.classes if self.classes <= MOST_COUNTED else 0
        self.together = np.zeros((counted, counted), np.int64)

    def update(self, samples: Sequence[InstanceSample], split: Split) -> None:
        """Adds images, all at once: one by one takes twice as long."""
        ids = np.array([value.class_id for sample in samples for value in sample.objects], np.int64)
        image = np.repeat(np.arange(len(samples)), [len(sample.objects) for sample in samples])
        of_image, shown = np.divmod(np.unique(image * self.classes + ids), self.classes)
        self.objects[split] += np.bincount(ids, minlength=self.classes)
        self.images[split] += np.bincount(shown, minlength=self.classes)
        if len(self.together):
            for present in np.split(shown, np.flatnonzero(np.diff(of_image)) + 1):
                self.together[present[:, None], present] += 1
        areas = [value.area_px for sample in samples for value in sample.objects]
        self.by_size[split] += np.bincount(np.searchsorted(SIZE_LIMITS_PX, areas, side="right"), minlength=len(SIZES))


@dataclass(frozen=True)
class InstanceExamination:
    """The result of one pass over a dataset; nothing is written.

    Attributes:
        scan: Content of the annotation files.
        findings: Every fault and remark, errors first.
        tally: Counts of the objects.
        sizes: Sizes of the images.
        drawable: The first images of each split that have objects and no errors.
        places: The first places of findings, per rule.
        numbers: Statistics of the images of each split, for the fingerprint.
        looked_at: How many images were decoded.
    """

    scan: CocoScan
    findings: tuple[Finding, ...]
    tally: ObjectTally
    sizes: SizeRange
    drawable: dict[Split, list[InstanceSample]]
    places: Places
    numbers: Numbers
    looked_at: LookedAt


def check_instance(config: Config) -> CheckResult:
    """Checks every file of an instance dataset and writes histogram, samples and report into the output folder.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
        ConfigError: The configuration names no dataset.
    """
    from segcli.steps.check.examination import examined, result_of, shown
    from segcli.steps.check.report_files import Drawing

    seen = examined(config, examine_coco_dataset)
    dataset = seen.scan.dataset
    annotations = {split: seen.scan.counts[split].annotations for split in Split}
    images = {split: seen.scan.counts[split].images for split in Split}
    counts = class_counts(seen.tally, dataset)
    result = result_of(config, Task.INSTANCE, seen, dataset, class_counts=counts, samples=annotations)
    result = replace(result, further=attributes(seen), images=images)
    write_fingerprint(
        Path(config.Global.output) / FILE,
        seen.numbers,
        result.class_counts,
        together=seen.tally.together,
        training=fingerprint_of_objects(dataset),
        objects=object_numbers(dataset),
        boxes=[value.box[2:] for sample in dataset.train for value in sample.objects if not value.is_crowd],
    )

    def drawing(sample: InstanceSample) -> Drawing:
        # the id distinguishes images with the same name in different folders
        return Drawing(f"{sample.image_id}_{sample.image.stem}", partial(draw_sample, sample, dataset))

    return shown(config, result, seen, drawing)


@collecting_rarely(HARDLY_EVER)
def examine_coco_dataset(
    dataset_dir: Path, num_classes: int | None = None, settings: PassSettings = EVERY_FILE
) -> InstanceExamination:
    """Reads every file of the dataset once.

    Args:
        dataset_dir: Folder of the dataset, or one above it.
        num_classes: Number of classes in the configuration.
        settings: How.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
    """
    reuse_memory()
    scan = scan_instances(dataset_dir)
    set_aside()  # the collection at the end would look at each number of each outline
    dataset = scan.dataset
    log.info("checking %d + %d images in %s", len(dataset.train), len(dataset.val), dataset.root)
    use_range(settings.image_range, [sample.image for sample in dataset.train], settings.channels)
    tally, images = ObjectTally(len(dataset.classes)), ImageTally(dataset.root, SPLIT_RULES, settings.group_of)
    findings = list(scan.findings)
    drawable: dict[Split, list[InstanceSample]] = {split: [] for split in Split}
    plan = LookPlan.of({split: dataset.samples(split) for split in Split}, settings.decoded)
    seen = [sample for split in Split for sample in plan.decoded(split)]
    compared = {str(sample.image) for sample in evenly(seen, COMPARED)}  # a path takes long to be looked up
    placed: list[Placed] = []
    checked = started(looks(plan, _ImageLook(compared), settings.manifest, "instance", settings.workers))
    # while other threads decode images
    of_dataset = [*left_out_of_files(scan), *dataset_findings(dataset, scan.files)]
    for split in Split:
        tally.update(dataset.samples(split), split)
    for facts in checked:
        sample, split = facts.sample, facts.split
        own = list(image_findings(facts, relative_name(sample.image, dataset.root), scan.files[split]))
        image = SeenImage(str(sample.image), split, f"{scan.files[split]} image id {sample.image_id}")
        findings.extend((*own, *images.update(split, [image], [facts.file])))
        _add_places(images.places, sample, own, scan.files[split])
        if facts.placed is not None:
            placed.append(facts.placed)
        sound = not any(found.severity is Severity.ERROR for found in own)
        if sample.objects and sound and len(drawable[split]) < settings.draw:
            drawable[split].append(sample)
    _add_objects(images.places, scan)
    findings.extend((*images.findings(settings.workers), *of_dataset))
    findings.extend(misplaced(placed, "C177", scan.files[Split.TRAIN]))
    findings.extend(class_findings(tally, dataset, scan.files, num_classes))
    images_of = {split: [str(sample.image) for sample in dataset.samples(split)] for split in Split}
    val_file = scan.files[Split.VAL]
    val_list = val_file if val_file.endswith(".json") and val_file != scan.files[Split.TRAIN] else None
    if settings.group_of is None:
        is_coco = val_file.endswith(".json")
        findings.extend(tiles_in_both(images_of, "C178", dataset.root, can_split=is_coco))
        findings.extend(augmented_in_both(images_of, "C179", dataset.root, can_split=is_coco))
    findings = one_for_all(findings, SPLIT_RULES, images_of, dataset.root, val_list)
    return InstanceExamination(
        scan,
        with_repairs(in_order(_without_consequences(findings)), dataset_dir),
        tally,
        images.sizes,
        drawable,
        images.places,
        images.numbers,
        plan.summary,
    )


def _without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    causes = {found.code for found in findings} & CONSEQUENCES.keys()
    explained = frozenset().union(*(CONSEQUENCES[cause] for cause in causes))
    return [found for found in findings if found.code not in explained]


def class_findings(
    tally: ObjectTally, dataset: CocoDataset, files: Mapping[Split, str], num_classes: int | None
) -> Iterator[Finding]:
    """Findings on classes without objects or in one split only, and on a `num_classes` that disagrees."""
    file = files[Split.TRAIN]
    if num_classes is not None and num_classes != len(dataset.classes):
        message = f"{len(dataset.classes)} categories are listed, Train.num_classes is {num_classes}"
        yield finding("C147", file, message)
    if not all(counts.any() for counts in tally.objects.values()):
        return
    for class_id, name in enumerate(dataset.classes):
        present = [split for split in Split if tally.objects[split][class_id]]
        place = f"category {dataset.category_ids[class_id]}"
        if not present:
            yield finding("C145", file, f"{name!r} has no object in train or val", location=place)
        elif len(present) == 1:
            yield finding("C146", files[present[0]], f"{name!r} is only in {present[0].value}", location=place)


def class_counts(tally: ObjectTally, dataset: CocoDataset) -> tuple[ClassCount, ...]:
    """Number of objects per class, and of images that show it, by split."""
    return tuple(
        ClassCount(
            class_id,
            name,
            {split: int(tally.objects[split][class_id]) for split in Split},
            {split: int(tally.images[split][class_id]) for split in Split},
            unit="objects",
        )
        for class_id, name in enumerate(dataset.classes)
    )


def attributes(seen: InstanceExamination) -> dict[str, Any]:
    """Counts for the result file, by name, beside PaddleX's `train_samples`, which counts annotations."""
    values: dict[str, Any] = {"category_ids": list(seen.scan.dataset.category_ids)}
    for split in Split:
        counts, samples = seen.scan.counts[split], seen.scan.dataset.samples(split)
        values[f"{split.value}_images"] = counts.images
        values[f"{split.value}_images_without_objects"] = sum(not sample.objects for sample in samples)
        values[f"{split.value}_annotations"] = counts.annotations
        values[f"{split.value}_crowds"] = counts.crowds
        values[f"{split.value}_objects_by_size"] = dict(zip(SIZES, seen.tally.by_size[split].tolist(), strict=True))
    return values


def object_numbers(dataset: CocoDataset) -> dict[str, Any]:
    """Statistics of all objects for the fingerprint: number per image, size, aspect ratio and covered share."""
    samples = [sample for split in Split for sample in dataset.samples(split)]
    objects = [value for sample in samples for value in sample.objects if not value.is_crowd]
    shares = [
        sum(value.area_px for value in sample.objects) / (sample.width * sample.height)
        for sample in samples
        if sample.width and sample.height
    ]
    widths, heights = (np.array([value.box[side] for value in objects], np.float64) for side in (2, 3))
    is_high = heights > 0
    return {
        "per_image": quantiles([len(sample.objects) for sample in samples]),
        # the square root of the area, as in the planner's fingerprint
        "size_px": quantiles(np.sqrt(np.maximum([value.area_px for value in objects], 0))),
        "aspect_ratio": quantiles(widths[is_high] / heights[is_high]),
        "covered_share": quantiles(shares),
    }


def draw_sample(sample: InstanceSample, dataset: CocoDataset) -> NDArray[np.uint8]:
    """Draws an image with its objects and a legend, at a readable size: RGB, uint8 [H, W, 3]."""
    from segcli.data.image import read_image
    from segcli.report.objects import MOST_DRAWN, DrawnObject, draw_objects
    from segcli.steps.check.report_files import drawing_scale

    height, width = sample.height, sample.width
    objects = []
    for value in sorted(sample.objects, key=lambda value: value.area_px, reverse=True)[:MOST_DRAWN]:
        mask, name = value.to_rle(height, width), dataset.classes.names[value.class_id]
        label = f"{name} (crowd)" if value.is_crowd else name
        objects.append(DrawnObject(TracedMask(mask), xyxy_of(value.box), value.class_id, label))
    return draw_objects(read_image(sample.image), objects, dataset.classes, scale=drawing_scale(height, width))


def _add_places(places: Places, sample: InstanceSample, findings: Sequence[Finding], file: str) -> None:
    """Keeps the places of findings on objects of an image."""
    by_place = {place_of(value, file): value for value in sample.objects} if findings else {}
    for found in findings:
        value = by_place.get((found.path, found.location or ""))
        if value is not None:
            places.add([found], draw_object_place, sample, value)


def _add_objects(places: Places, scan: CocoScan) -> None:
    """Keeps the places of findings on objects in the annotation files, if the objects could be read."""
    for split in Split:
        wanted: dict[int, list[Finding]] = {}
        for found in scan.findings:
            if found.path == scan.files[split] and places.has_room(found.code):
                wanted.setdefault(_annotation_of(found), []).append(found)
        for sample in scan.dataset.samples(split) if wanted else ():
            for value in sample.objects:
                if value.annotation_id in wanted:
                    places.add(wanted[value.annotation_id], draw_object_place, sample, value)


def _annotation_of(found: Finding) -> int:
    """The id of the annotation that a finding is about; -1 if it is about something else."""
    match = _ANNOTATION.fullmatch(found.location or "")
    return int(match[1]) if match else -1


@dataclass(frozen=True)
class _ImageLook:
    """How images are inspected: those of some files are kept small, for the comparison with their objects."""

    compared: Collection[str]

    def files(self, sample: InstanceSample) -> tuple[str]:
        return (str(sample.image),)

    def headers(self, sample: InstanceSample, split: Split) -> ImageFacts:
        return ImageFacts(sample, split, inspect_header(str(sample.image)))

    def decoded(self, samples: Sequence[tuple[InstanceSample, Split]]) -> Iterator[ImageFacts]:
        for sample, split in samples:
            file = inspect_image_file(str(sample.image), sketched=self._is_sketched(sample))
            yield ImageFacts(sample, split, file)

    def completed(self, facts: Sequence[ImageFacts]) -> Iterator[ImageFacts]:
        measure([one.file for one in facts])
        for one, view in zip(facts, ObjectsView.of_each(one.sample for one in facts), strict=True):
            sketch = one.file.sketch
            placed = None if sketch is None else Placed.of(sketch, borders_of_objects(one.sample))
            yield replace(one, faults=tuple(object_faults(view)), placed=placed)

    def pixels(self, facts: ImageFacts) -> int:
        return facts.file.stored_px

    def sizes(self, facts: ImageFacts) -> tuple[int]:
        return (facts.file.size,)

    def read(self, sample: InstanceSample, split: Split, plain: Any) -> ImageFacts:
        return ImageFacts(sample, split, file_from_plain(str(sample.image), plain, sketched=self._is_sketched(sample)))

    def write(self, facts: ImageFacts) -> Any | None:
        return file_as_plain(facts.file)

    def _is_sketched(self, sample: InstanceSample) -> bool:
        return str(sample.image) in self.compared and bool(sample.objects)
