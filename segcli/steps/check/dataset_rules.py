"""The rules on all objects of an instance dataset together, whatever its format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from segcli.data.boxes import xyxy_of
from segcli.data.class_files import is_ignored_name
from segcli.data.classes import IGNORE_NAME
from segcli.data.counted_names import counted_names
from segcli.data.formats.coco_objects import outline_area
from segcli.data.formats.coordinates import Extents
from segcli.data.instances import CocoDataset, InstanceObject, InstanceSample
from segcli.data.samples import Split
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding

FEWEST_IMAGES = 6
WHOLE = 0.98
"""Share of width and of height that an object around the whole image covers."""

Samples = Sequence[InstanceSample]


def ignored_objects(samples: Samples, file: str, _dataset: CocoDataset) -> Iterator[Finding]:
    """Objects that the file marks with `ignore`, which no metric of COCO reads."""
    marked = [value for sample in samples for value in sample.objects if value.is_ignored and not value.is_crowd]
    if marked:
        total = sum(len(sample.objects) for sample in samples)
        message = f"{len(marked)} of {counted(total, 'object')} are marked ignore, and learnt and measured like others"
        yield finding("C160", file, message)


def frames(samples: Samples, file: str, dataset: CocoDataset) -> Iterator[Finding]:
    """An object around the whole image in most images."""
    labelled = [sample for sample in samples if sample.objects]
    around: Counter[int] = Counter()
    for sample in labelled:
        around.update({value.class_id for value in sample.objects if _is_frame(value, sample)})
    for class_id, images in around.items():
        if len(labelled) >= FEWEST_IMAGES and 2 * images > len(labelled):
            name = dataset.classes.names[class_id]
            message = f"{name!r} has an object around the whole image in {images} of {len(labelled)} images"
            yield finding("C169", file, message)


def backgrounds(samples: Samples, file: str, dataset: CocoDataset) -> Iterator[Finding]:
    """An object that is the image without all others, in most images."""
    labelled = [sample for sample in samples if len(sample.objects) > 1]
    around = Counter(class_id for sample in labelled if (class_id := _background_of(sample)) is not None)
    for class_id, images in around.items():
        if images >= FEWEST_IMAGES and 2 * images > len(labelled):
            name = dataset.classes.names[class_id]
            message = f"{name!r} is what the other objects leave of the image in {images} of {len(labelled)} images"
            yield finding("C169", file, message)


def _background_of(sample: InstanceSample) -> int | None:
    """The class of the only object of its class whose pixels are all that no other object has; None without one."""
    around = [value for value in sample.objects if _reaches_all_borders(value, sample)]
    if not around:  # as in most images
        return None
    total_px, classes = sample.width * sample.height, Counter(value.class_id for value in sample.objects)
    alone = [value for value in around if classes[value.class_id] == 1]
    if len(alone) != 1:
        return None
    area_px = sum(outline_area(value.segmentation) for value in sample.objects)
    is_rest = outline_area(alone[0].segmentation) < WHOLE**2 * total_px and abs(area_px / total_px - 1) <= 1 - WHOLE
    return alone[0].class_id if is_rest else None


def _reaches_all_borders(value: InstanceObject, sample: InstanceSample) -> bool:
    left, top, width, height = value.box
    if 2 * width < sample.width:  # as that of most objects, and told at once
        return False
    across = min(left + width, sample.width) - max(left, 0)
    down = min(top + height, sample.height) - max(top, 0)
    return across >= WHOLE * sample.width and down >= WHOLE * sample.height


def _is_frame(value: InstanceObject, sample: InstanceSample) -> bool:
    if not _reaches_all_borders(value, sample):
        return False
    # an object that the image was cropped to reaches all borders too, but leaves corners free
    return outline_area(value.segmentation) >= WHOLE**2 * sample.width * sample.height


def counted_categories(samples: Samples, file: str, dataset: CocoDataset) -> Iterator[Finding]:
    """Categories that number the objects of each image."""
    names = dataset.classes.names
    for found in counted_names([[names[value.class_id] for value in sample.objects] for sample in samples]):
        yield finding("C162", file, found.told)


def upper_left(samples: Samples, file: str, _dataset: CocoDataset) -> Iterator[Finding]:
    """Outlines in the upper left part of every image; a COCO file is read with this rule already."""
    if file.endswith(".json"):
        return
    boxes = (((one.width, one.height), [xyxy_of(value.box) for value in one.objects]) for one in samples)
    extents = Extents.of(boxes)
    reach = extents.reach() if extents.reading() is None else None
    if reach is not None:
        share = f"{100 * reach[0]:.0f} % of the width and {100 * reach[1]:.0f} % of the height"
        yield finding("C157", file, f"no outline in {counted(len(extents.boxes), 'image')} reaches beyond {share}")


def ignored_names(_samples: Samples, file: str, dataset: CocoDataset) -> Iterator[Finding]:
    """Categories whose name says that they must not be learnt; a single one is what the dataset is about."""
    if len(dataset.classes) == 1:
        return
    for category_id, name in zip(dataset.category_ids, dataset.classes.names, strict=True):
        if is_ignored_name(name) or name == IGNORE_NAME:
            message = f"category {category_id} is called {name!r}, and learnt and measured like any other"
            yield finding("C170", file, message)


DATASET_RULES: tuple[Callable[[Samples, str, CocoDataset], Iterator[Finding]], ...] = (
    ignored_objects,
    frames,
    backgrounds,
    counted_categories,
    ignored_names,
    upper_left,
)


def dataset_findings(dataset: CocoDataset, files: Mapping[Split, str]) -> Iterator[Finding]:
    """Everything that is wrong with the objects of a split as a whole."""
    found = (
        one for split in Split for rule in DATASET_RULES for one in rule(dataset.samples(split), files[split], dataset)
    )
    yield from dict.fromkeys(found)  # both splits may lie in one file
