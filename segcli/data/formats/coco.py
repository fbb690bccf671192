"""PaddleX's COCOInstSegDataset: `images/` and one COCO file a part in `annotations/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from segcli.data.classes import ClassMap
from segcli.data.formats.coco_file import AnnotationFile
from segcli.data.formats.coco_objects import is_crowd
from segcli.data.formats.kinds import refuse_unconverted
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.data.settled import read_settled
from segcli.errors import DatasetError
from segcli.findings import Finding, has_errors
from segcli.rules import finding

ANNOTATION_FILES = {split: f"annotations/instance_{split.value}.json" for split in Split}


@dataclass(frozen=True)
class PartCounts:
    """What one annotation file lists, usable or not."""

    images: int = 0
    annotations: int = 0
    crowds: int = 0


@dataclass(frozen=True)
class CocoScan:
    """What the annotation files hold and what is wrong with them; no image was decoded.

    Attributes:
        dataset: Images that exist, with the objects that can be used.
        findings: Every fault of the files.
        counts: What each file lists.
    """

    dataset: CocoDataset
    findings: tuple[Finding, ...]
    counts: Mapping[Split, PartCounts]


def find_coco_root(dataset_dir: Path) -> Path:
    """The folder that holds `annotations`: `dataset_dir` itself or the only such folder below it.

    Raises:
        DatasetError: There is no such folder (C101), more than one (C102), or LabelMe files alone (L006).
    """
    if _has_annotations(dataset_dir):
        return dataset_dir
    below = sorted({path.parent.parent for path in dataset_dir.glob("**/annotations/instance_*.json")})
    candidates = [folder for folder in below if _has_annotations(folder)]
    if not candidates:
        refuse_unconverted(dataset_dir)
        what = f"no {ANNOTATION_FILES[Split.TRAIN]} is here" if dataset_dir.is_dir() else "there is no such folder"
        fault = finding("C101", str(dataset_dir), what)
        raise DatasetError(f"no dataset: {what}", [fault], path=dataset_dir, hint=fault.hint)
    if len(candidates) > 1:
        listing = ", ".join(relative_name(folder, dataset_dir) for folder in candidates)
        fault = finding("C102", str(dataset_dir), f"datasets lie in {listing}")
        raise DatasetError(fault.message, [fault], path=dataset_dir, hint=fault.hint)
    return candidates[0]


def open_coco_dataset(dataset_dir: Path) -> CocoDataset:
    """A dataset that can be trained on and measured with, as far as its annotation files tell.

    Raises:
        DatasetError: There is no dataset, its files have errors, or a change of it was stopped half-way; carries the
            findings.
        BusyError: Another process is changing it.
    """
    dataset, findings = read_settled(dataset_dir, lambda: scan_coco_dataset(dataset_dir))
    if has_errors(findings):
        raise DatasetError(
            "the dataset has faults",
            findings,
            path=dataset_dir,
            hint="Global.mode=check_dataset lists every fault of every file",
        )
    return dataset


def scan_coco_dataset(dataset_dir: Path) -> tuple[CocoDataset, list[Finding]]:
    """The dataset without what cannot be used, and the faults of its files; no image is decoded.

    Raises:
        DatasetError: There is no dataset, or more than one.
    """
    scan = scan_coco(find_coco_root(dataset_dir))
    return scan.dataset, list(scan.findings)


def scan_coco(root: Path) -> CocoScan:
    """Reads both annotation files of the dataset in `root`, one after the other."""
    findings: list[Finding] = []
    samples: dict[Split, tuple[InstanceSample, ...]] = {}
    counts: dict[Split, PartCounts] = {}
    categories: dict[Split, dict[int, str]] = {}
    names: list[str] = []
    for split in Split:
        reader = AnnotationFile(root, ANNOTATION_FILES[split])
        content = reader.load()
        categories[split] = reader.categories(content)
        # the training file decides; a validation file is the fallback where there is none
        names = names or list(categories[split].values())
        classes = {id_: names.index(name) for id_, name in categories[split].items() if name in names}
        samples[split] = reader.samples(content, classes)
        counts[split] = PartCounts(
            len(content["images"]),
            len(content["annotations"]),
            sum(is_crowd(entry) for entry in content["annotations"] if isinstance(entry, dict)),
        )
        findings.extend(reader.findings)
    findings.extend(_category_differences(categories))
    deciding = categories[Split.TRAIN] or categories[Split.VAL]
    dataset = CocoDataset(root, ClassMap(tuple(names)), tuple(deciding), samples[Split.TRAIN], samples[Split.VAL])
    return CocoScan(dataset, tuple(findings), counts)


def _has_annotations(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ANNOTATION_FILES.values())


def _category_differences(categories: Mapping[Split, Mapping[int, str]]) -> Iterator[Finding]:
    train, val = categories[Split.TRAIN], categories[Split.VAL]
    if not train or not val:
        return
    file = ANNOTATION_FILES[Split.VAL]
    for name in val.values():
        if name not in train.values():
            yield finding("C143", file, f"category {name!r} is not in {ANNOTATION_FILES[Split.TRAIN]}")
    for name in train.values():
        if name not in val.values():
            yield finding("C143", file, f"category {name!r} of {ANNOTATION_FILES[Split.TRAIN]} is missing")
    id_in_train = {name: id_ for id_, name in train.items()}
    for id_, name in val.items():
        other = id_in_train.get(name, id_)
        if other != id_:
            message = f"category {name!r} has id {id_} here and {other} in {ANNOTATION_FILES[Split.TRAIN]}"
            yield finding("C144", file, message)
