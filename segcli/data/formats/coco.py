"""Reads COCO datasets, with the file names of PaddleX or of other tools: see `coco_layout`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from segcli.data.classes import ClassMap
from segcli.data.dataset_folder import require_folder
from segcli.data.formats.coco_file import AnnotationFile
from segcli.data.formats.coco_layout import ANNOTATION_FILES, CocoLayout, coco_layout
from segcli.data.formats.coco_objects import is_crowd
from segcli.data.formats.kinds import refuse_other_kind
from segcli.data.formats.other_tools import refuse_other_tools
from segcli.data.formats.yolo_layout import find_yolo
from segcli.data.instances import CocoDataset, InstanceSample
from segcli.data.lists import relative_name
from segcli.data.look_alike import difference, looks_of
from segcli.data.samples import Split
from segcli.data.splits.ratios import DEFAULT_SHARES, divide
from segcli.errors import DatasetError
from segcli.findings import Finding
from segcli.rules import finding


@dataclass(frozen=True)
class PartCounts:
    """Numbers of entries in one annotation file, usable or not."""

    images: int = 0
    annotations: int = 0
    crowds: int = 0


@dataclass(frozen=True)
class CocoScan:
    """Content of the annotation files and their problems; no image was decoded.

    Attributes:
        dataset: Images that exist, with their usable objects.
        findings: Every fault of the files.
        counts: Numbers of entries per split.
        files: Annotation file of each split, relative to the dataset.
    """

    dataset: CocoDataset
    findings: tuple[Finding, ...]
    counts: Mapping[Split, PartCounts]
    files: Mapping[Split, str] = field(default_factory=lambda: dict(ANNOTATION_FILES))


def find_coco_root(dataset_dir: Path) -> Path:
    """The folder of a COCO dataset: `dataset_dir` itself or the only such folder below it.

    Raises:
        DatasetError: There is no such folder (S001), no dataset in it (C101) or more than one (C102), LabelMe files
            alone (L006), a dataset for another task (C109), or annotations of another tool (F002).
    """
    require_folder(dataset_dir)
    layout = coco_layout(dataset_dir)
    if layout is not None:
        return layout.root
    refuse_other_kind(dataset_dir, wanted="coco")
    yolo = find_yolo(dataset_dir)
    if yolo is not None:
        what = f"{yolo.relative_to(dataset_dir)} and its label files are YOLO data, not COCO"
        hint = f"segcli convert {quote(str(dataset_dir))} NEW_FOLDER --to coco, then type this for NEW_FOLDER"
        raise DatasetError(what, [finding("C101", str(dataset_dir), what, hint=hint)], path=dataset_dir, hint=hint)
    refuse_other_tools(dataset_dir)
    what = f"no {ANNOTATION_FILES[Split.TRAIN]} is here"
    fault = finding("C101", str(dataset_dir), what)
    raise DatasetError(f"no dataset: {what}", [fault], path=dataset_dir, hint=fault.hint)


def scan_coco(root: Path, layout: CocoLayout | None = None) -> CocoScan:
    """Reads the annotation files of the dataset in `root`.

    A single file that does not name splits is split here, always in the same way: 80 of 100 images are for
    training.

    Args:
        root: Its folder.
        layout: Its files, where they are known.
    """
    layout = layout or coco_layout(root) or CocoLayout(root, ANNOTATION_FILES)
    files = dict.fromkeys(layout.files.values())
    readers = {file: AnnotationFile(root, file, layout.image_folders(file)) for file in files}
    contents = {file: reader.load() for file, reader in readers.items()}
    findings = [*_layout_findings(layout), *_leave_out_empty(readers, contents)]
    samples: dict[str, tuple[InstanceSample, ...]] = {}
    categories: dict[str, dict[int, str]] = {}
    names: list[str] = []
    for file, reader in readers.items():
        categories[file] = reader.categories(contents[file])
        # the training file decides; a validation file is the fallback where there is none
        names = names or list(dict.fromkeys(categories[file].values()))
        classes = {id_: names.index(name) for id_, name in categories[file].items() if name in names}
        samples[file] = reader.samples(contents[file], classes)
        findings.extend(reader.findings)
    findings.extend(_category_differences({split: categories[file] for split, file in layout.files.items()}, layout))
    ids: dict[str, int] = {}
    for id_, name in (categories[layout.files[Split.TRAIN]] or categories[layout.files[Split.VAL]]).items():
        ids.setdefault(name, id_)
    parts = _divided(samples, layout)
    dataset = CocoDataset(root, ClassMap(tuple(names)), tuple(ids.values()), parts[Split.TRAIN], parts[Split.VAL])
    return CocoScan(dataset, tuple(findings), _part_counts(contents, parts, layout), layout.files)


def _divided(
    samples: Mapping[str, tuple[InstanceSample, ...]], layout: CocoLayout
) -> dict[Split, tuple[InstanceSample, ...]]:
    if not layout.is_whole:
        return {split: samples[file] for split, file in layout.files.items()}
    (found,) = samples.values()
    train, val = divide(found, DEFAULT_SHARES, 0, key=lambda sample: relative_name(sample.image, layout.root))
    return {Split.TRAIN: tuple(train), Split.VAL: tuple(val)}


def _part_counts(
    contents: Mapping[str, Mapping[str, list[Any]]], parts: Mapping[Split, Sequence[InstanceSample]], layout: CocoLayout
) -> dict[Split, PartCounts]:
    counts = {}
    for split, file in layout.files.items():
        images = contents[file]["images"]
        annotations = [entry for entry in contents[file]["annotations"] if isinstance(entry, dict)]
        listed = len(contents[file]["annotations"])
        if layout.is_whole:
            own = {sample.image_id for sample in parts[split]}
            images = list(parts[split])
            annotations = [entry for entry in annotations if entry.get("image_id") in own]
            listed = len(annotations)
        counts[split] = PartCounts(len(images), listed, sum(map(is_crowd, annotations)))
    return counts


def _layout_findings(layout: CocoLayout) -> Iterator[Finding]:
    """Reports how files that PaddleX would not accept are read."""
    if layout.is_paddlex:
        return
    listing = ", ".join(dict.fromkeys(layout.files.values()))
    divided = "; 80 of 100 images are for training" if layout.is_whole else ""
    unused = f"; {', '.join(layout.unused)} left out" if layout.unused else ""
    hint = f"none needed; segcli convert {layout.root} NEW_FOLDER --to coco writes PaddleX's names"
    yield finding("C108", listing, f"is read as it is{divided}{unused}", hint=hint)


def _leave_out_empty(
    readers: Mapping[str, AnnotationFile], contents: Mapping[str, Mapping[str, list[Any]]]
) -> Iterator[Finding]:
    """Drops Roboflow's category 0: an unused supercategory of the others, or an unused duplicate of a name."""
    used = {
        entry.get("category_id")
        for content in contents.values()
        for entry in content["annotations"]
        if isinstance(entry, dict)
    }
    for file, reader in readers.items():
        entries = [entry for entry in contents[file]["categories"] if isinstance(entry, dict)]
        first = next((entry for entry in entries if entry.get("id") == 0), None)
        others = [entry for entry in entries if entry is not first]
        if first is None or 0 in used or not others:
            continue
        same = next((entry for entry in others if entry.get("name") == first.get("name")), None)
        is_group = all(entry.get("supercategory") == first.get("name") for entry in others)
        if same is not None or is_group:
            reader.empty_categories = frozenset({0})
            why = f"the name of category {same.get('id')}" if same is not None else "is the group of the others"
            link = "and" if same is not None else "and it"
            message = f"category 0 ({first.get('name')!r}) has no object {link} {why}; it is left out"
            yield finding("C140", file, message, location=f"categories[{contents[file]['categories'].index(first)}]")


def _category_differences(categories: Mapping[Split, Mapping[int, str]], layout: CocoLayout) -> Iterator[Finding]:
    train, val = categories[Split.TRAIN], categories[Split.VAL]
    if not train or not val or layout.is_whole:
        return
    file, train_file = layout.files[Split.VAL], layout.files[Split.TRAIN]
    only_train = dict.fromkeys(name for name in train.values() if name not in val.values())
    by_looks = {looks_of(name): name for name in only_train}
    for name in val.values():
        if name in train.values():
            continue
        same = by_looks.get(looks_of(name))
        if same is None:
            yield finding("C143", file, f"category {name!r} is not in {train_file}")
        else:
            only_train.pop(same, None)
            yield finding(
                "C143", file, f"category {name!r} is {same!r} in {train_file}: {difference(name, same)} differs"
            )
    for name in only_train:
        yield finding("C143", file, f"category {name!r} of {train_file} is missing")
    ids_in_train: dict[str, list[int]] = {}
    for id_, name in train.items():
        ids_in_train.setdefault(name, []).append(id_)
    for id_, name in val.items():
        other, *more = ids_in_train.get(name, [id_])
        if id_ not in (other, *more):
            message = f"category {name!r} has id {id_} here and {other} in {layout.files[Split.TRAIN]}"
            yield finding("C144", file, message)
