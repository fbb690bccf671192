"""check_dataset for semantic data: lists, class file, every image and every mask, in one pass."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby, islice, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import Config
from segcli.cpu import reuse_memory
from segcli.data.class_files import NUMBERED_FILE, ClassNames, resolve_classes
from segcli.data.classes import IGNORE_INDEX, ClassMap, is_background
from segcli.data.decoding.range_of_images import use_range
from segcli.data.fingerprint.images import evenly
from segcli.data.fingerprint.labels import Fingerprint, MaskShape, fingerprint_of_shapes, looked_at
from segcli.data.formats.masks import LIST_FILES, SegLists, class_names_of, find_root, list_place, scan_lists
from segcli.data.formats.masks_layout import has_lists
from segcli.data.lists import relative_names
from segcli.data.prefetch import batched
from segcli.data.samples import SegDataset, SegSample, Split
from segcli.findings import Finding, has_errors, in_order
from segcli.garbage import HARDLY_EVER, collecting_rarely, set_aside
from segcli.models.task import Task
from segcli.plurals import counted
from segcli.rules import finding
from segcli.rules.repair_hints import with_repairs
from segcli.steps.check.augmented import augmented_in_both
from segcli.steps.check.copies import one_for_all
from segcli.steps.check.fingerprint import FILE, Numbers, write_fingerprint
from segcli.steps.check.images import ImageTally, SizeRange
from segcli.steps.check.inspection import SampleFacts, ToInspect, complete, inspect_headers, inspect_samples
from segcli.steps.check.left_out import left_out_of_lists
from segcli.steps.check.looks import LookedAt, LookPlan, looks
from segcli.steps.check.mask_values import CONSEQUENCES, MaskValues, shared_masks
from segcli.steps.check.placement import COMPARED, misplaced, upper_left
from segcli.steps.check.places import Places
from segcli.steps.check.plain_facts import sample_as_plain, sample_from_plain
from segcli.steps.check.result import CheckResult, ClassCount
from segcli.steps.check.sample_view import MaskScale
from segcli.steps.check.seen import SeenImage, SplitRules
from segcli.steps.check.semantic_rules import SampleFindings, binary_findings, class_findings
from segcli.steps.check.settings import EVERY_FILE, PassSettings
from segcli.steps.check.tally import Tally
from segcli.steps.check.thumbnails import draw_mask_place
from segcli.steps.check.tiles import tiles_in_both

log = logging.getLogger("segcli.check")

SPLIT_RULES = SplitRules(across="S501", within="S502", near="S503", group="S504")
NEEDS_ALL = frozenset({"S401", "S402", "S403", "S410"})
"""Rules on what no mask contains; they need all masks, as one that was not decoded may contain it."""


_AT_ONCE = 256
"""Samples whose facts are gone through together."""


@dataclass(frozen=True)
class Examination:
    """The result of one pass over a dataset; nothing is written.

    Attributes:
        dataset: Its samples, without those with missing files, and classes.
        findings: Every fault and remark, errors first.
        tally: Counts over all masks.
        sizes: Sizes of the images.
        drawable: The first samples without errors of each split.
        places: The first places of findings, per rule.
        numbers: Statistics of the images of each split, for the fingerprint.
        training: The statistics from which a training is planned.
        looked_at: How many samples were decoded.
    """

    dataset: SegDataset
    findings: tuple[Finding, ...]
    tally: Tally
    sizes: SizeRange
    drawable: dict[Split, list[SegSample]]
    places: Places
    numbers: Numbers
    training: Fingerprint
    looked_at: LookedAt


def check_semantic(config: Config) -> CheckResult:
    """Checks every file of a semantic dataset and writes histogram, samples and report into the output folder.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
        ConfigError: The configuration names no dataset.
    """
    from segcli.steps.check.examination import examined, result_of, shown
    from segcli.steps.check.report_files import Drawing, draw_sample

    seen = examined(config, examine_seg_dataset)
    counts = class_counts(seen.tally, seen.dataset.classes)
    samples = {split: len(seen.dataset.samples(split)) for split in Split}
    result = result_of(config, Task.SEMANTIC, seen, seen.dataset, class_counts=counts, samples=samples)
    result = replace(result, further={"ignore_index": seen.dataset.classes.ignore_index})
    classes = len(result.classes)
    write_fingerprint(
        Path(config.Global.output) / FILE,
        seen.numbers,
        counts,
        together=seen.tally.together[:classes, :classes],
        training=seen.training,
    )

    def drawing(sample: SegSample) -> Drawing:
        # the line number distinguishes images with the same name in different folders
        return Drawing(f"{sample.line}_{sample.image.stem}", partial(draw_sample, sample, result.classes))

    return shown(config, result, seen, drawing)


@collecting_rarely(HARDLY_EVER)
def examine_seg_dataset(
    dataset_dir: Path, num_classes: int | None = None, settings: PassSettings = EVERY_FILE
) -> Examination:
    """Reads every file of the dataset once.

    Args:
        dataset_dir: Folder of the dataset, or one above it.
        num_classes: Number of classes in the configuration; class names in the dataset take precedence.
        settings: How.

    Raises:
        DatasetError: There is no dataset at all, or more than one.
    """
    reuse_memory()
    lists = scan_lists(find_root(dataset_dir))
    set_aside()  # collections would look at each sample
    log.info("checking %d + %d samples in %s", len(lists.train), len(lists.val), lists.root)
    use_range(settings.image_range, [sample.image_file for sample in lists.train], settings.channels)
    source, class_file_findings = class_names_of(lists.root)
    scale = _mask_scale(source, num_classes)
    tally, values, images = Tally(), MaskValues(lists.root), ImageTally(lists.root, SPLIT_RULES, settings.group_of)
    findings = [*lists.findings, *class_file_findings]
    drawable: dict[Split, list[SegSample]] = {split: [] for split in Split}
    shapes: list[MaskShape] = []
    unique = {split: _without_repeated(getattr(lists, split.value)) for split in Split}
    times = {split: _times(getattr(lists, split.value), own) for split, own in unique.items()}
    plan = LookPlan.of(unique, settings.decoded)
    placed: list[SampleFacts] = []
    rules = SampleFindings(relative_names(lists.root), scale)
    look = _SampleLook.of(plan)
    for split, seen in _by_split(looks(plan, look, settings.manifest, "semantic", settings.workers)):
        places = [list_place(facts.sample, split) for facts in seen]
        own = rules.of_each(seen, places)
        findings += chain.from_iterable(own)
        findings += images.update(split, _images_of(seen, places), [facts.image for facts in seen])
        tally.update(split, seen, _times_of(seen, times[split]))
        values.update(seen)
        shapes += [facts.shape for facts in seen if facts.shape is not None]
        placed += [facts for facts in seen if facts.borders is not None]
        for facts, found in zip(seen, own, strict=True):
            images.places.add(found, draw_mask_place, facts.sample)
        drawable[split] += islice(_drawable(seen, own), settings.draw - len(drawable[split]))
    findings.extend((*images.findings(settings.workers), *_list_findings(lists, unique), *_placement_findings(placed)))
    classes, resolution = resolve_classes(source, num_classes, lambda: tally.ids() - {scale.ignore_index})
    named = source is not None or num_classes is not None
    background = source is not None and is_background(classes.names[0])
    together = [
        *_dataset_findings(tally, classes, source, num_classes),
        *values.findings(tally, scale.classes, scale.ignore_index, named=named, background=background),
    ]
    # what no decoded mask contains may be in one of the others
    findings.extend((*resolution, *(found for found in together if plan.is_whole or found.code not in NEEDS_ALL)))
    images_of = {split: [sample.image_file for sample in getattr(lists, split.value)] for split in Split}
    if settings.group_of is None:
        findings.extend(tiles_in_both(images_of, "S505", lists.root, can_split=True))
        findings.extend(augmented_in_both(images_of, "S506", lists.root, can_split=True))
    val_list = LIST_FILES[Split.VAL] if has_lists(lists.root) else None
    findings = one_for_all(findings, SPLIT_RULES, images_of, lists.root, val_list)
    dataset = SegDataset(lists.root, classes, lists.train, lists.val)
    return Examination(
        dataset,
        with_repairs(_in_order(findings), dataset_dir),
        tally,
        images.sizes,
        drawable,
        images.places,
        images.numbers,
        fingerprint_of_shapes(shapes, dataset),
        plan.summary,
    )


def _by_split(every: Iterable[SampleFacts]) -> Iterator[tuple[Split, list[SampleFacts]]]:
    """The facts in lists of neighbours of one split: what they have in common is looked at once."""
    for split, own in groupby(every, attrgetter("split")):
        yield from zip(repeat(split), batched(own, _AT_ONCE), strict=False)


def _images_of(seen: Iterable[SampleFacts], places: Iterable[str]) -> list[SeenImage]:
    return [SeenImage(facts.image.path, facts.split, place) for facts, place in zip(seen, places, strict=True)]


def class_counts(tally: Tally, classes: ClassMap) -> tuple[ClassCount, ...]:
    """How often each class occurs in each split."""
    images = tally.images
    return tuple(
        ClassCount(
            class_id,
            name,
            {split: _at(tally.pixels[split], class_id) for split in Split},
            {split: _at(images[split], class_id) for split in Split},
        )
        for class_id, name in enumerate(classes)
    )


def _at(sums: NDArray[np.int64], class_id: int) -> int:
    """The count of a class; 0 for an id that a mask of 8 bits cannot hold."""
    return int(sums[class_id]) if class_id < len(sums) else 0


def _drawable(seen: Iterable[SampleFacts], findings: Iterable[Sequence[Finding]]) -> Iterator[SegSample]:
    """The samples that show how their labels look, given the findings on each."""
    for facts, own in zip(seen, findings, strict=True):
        if facts.sample.image_file != facts.sample.mask_file and not has_errors(own):
            yield facts.sample


def _files(sample: SegSample) -> tuple[str, str]:
    return sample.image_file, sample.mask_file


def _without_repeated(samples: Iterable[SegSample]) -> tuple[SegSample, ...]:
    """The first of the samples of the same files; lines that repeat them have a finding of their own."""
    first: dict[tuple[str, str], SegSample] = {}
    for sample in samples:
        first.setdefault(_files(sample), sample)
    return tuple(first.values())


def _times(samples: Sequence[SegSample], unique: Sequence[SegSample]) -> Counter[tuple[str, str]]:
    """How often the files of each sample are listed; empty where none is repeated, as in most long lists."""
    return Counter(map(_files, samples) if len(samples) > len(unique) else ())


def _times_of(seen: Sequence[SampleFacts], times: Mapping[tuple[str, str], int]) -> list[int]:
    return [times[_files(facts.sample)] for facts in seen] if times else [1] * len(seen)


@dataclass(frozen=True)
class _SampleLook:
    """How samples are inspected: evenly chosen ones closer, told by themselves (`id`), not by their files."""

    shaped: Collection[int]
    compared: Collection[int]

    @classmethod
    def of(cls, plan: LookPlan[SegSample]) -> _SampleLook:
        every = [sample for split in Split for sample in plan.decoded(split)]
        shaped, compared = looked_at(plan.decoded(Split.TRAIN)), evenly(every, COMPARED)
        return cls(set(map(id, shaped)), set(map(id, compared)))

    def files(self, sample: SegSample) -> tuple[str, str]:
        return _files(sample)

    def headers(self, sample: SegSample, split: Split) -> SampleFacts:
        return inspect_headers(sample, split)

    def decoded(self, samples: Sequence[tuple[SegSample, Split]]) -> Iterator[SampleFacts]:
        return inspect_samples(
            ToInspect(sample, split, id(sample) in self.shaped, id(sample) in self.compared)
            for sample, split in samples
        )

    def completed(self, facts: Sequence[SampleFacts]) -> Sequence[SampleFacts]:
        complete(facts)
        return facts

    def pixels(self, facts: SampleFacts) -> int:
        return facts.image.stored_px + facts.mask.stored_px

    def sizes(self, facts: SampleFacts) -> tuple[int, int]:
        return facts.image.size, facts.mask.size

    def read(self, sample: SegSample, split: Split, plain: Any) -> SampleFacts:
        wanted = {"shaped": id(sample) in self.shaped, "compared": id(sample) in self.compared}
        return sample_from_plain(sample, split, plain, **wanted)

    def write(self, facts: SampleFacts) -> Any | None:
        return sample_as_plain(facts)


def _list_findings(lists: SegLists, unique: Mapping[Split, Sequence[SegSample]]) -> Iterator[Finding]:
    """What is wrong with the names of all images and masks together, each pair looked at once."""
    yield from left_out_of_lists(lists)
    yield from shared_masks([sample for split in Split for sample in unique[split]], lists.root)


def _placement_findings(facts: Sequence[SampleFacts]) -> Iterator[Finding]:
    """What is wrong with the places of the labels in all images together."""
    masks = [(one.mask.header.stored_size, one.labelled) for one in facts if one.mask.header is not None]
    yield from upper_left(masks, "S419", "annotations")
    yield from misplaced([one.placed for one in facts if one.placed is not None], "S420", "annotations")


def _mask_scale(source: ClassNames | None, num_classes: int | None) -> MaskScale:
    """The ids that are allowed before all masks were read."""
    if source is None:
        return MaskScale(num_classes or 256, IGNORE_INDEX)
    # names that may lack the background: id len(names) is then the last class, and above it nothing in either reading
    doubt = source.background_in_doubt and num_classes != len(source.names)
    return MaskScale(len(source.names) + doubt, source.ignore_index, doubt or is_background(source.names[0]))


def _dataset_findings(
    tally: Tally, classes: ClassMap, source: ClassNames | None, num_classes: int | None
) -> Iterator[Finding]:
    file = source.file if source else NUMBERED_FILE
    yield from binary_findings(tally, classes.ignore_index, file="annotations")
    yield from class_findings(tally, classes, file=file, numbered=source is None and num_classes is None)


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sorts findings as in reports, without those that another finding explains."""
    listed = list(findings)
    causes = {found.code for found in listed} & CONSEQUENCES.keys()
    explained = frozenset().union(*(CONSEQUENCES[cause] for cause in causes))
    return in_order(_without_name(found for found in listed if found.code not in explained))


def _without_name(findings: Iterable[Finding]) -> list[Finding]:
    """The findings; where the class file is faulty, those on ids that it does not name become one on the file."""
    listed = list(findings)
    file = next((found.path for found in listed if found.code == "S107"), None)
    unnamed = [found for found in listed if found.code == "S304"]
    if file is None or not unnamed:
        return listed
    first, masks = unnamed[0], counted(len(unnamed), "mask")
    message = f"{masks} hold ids that it does not name, such as {first.path}: {first.message}"
    one = finding("S304", file, message, hint=f"correct {file}, whose faults S107 names")
    return [*(found for found in listed if found.code != "S304"), one]
