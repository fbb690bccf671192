"""Reads PaddleX's SegDataset layout: `train.txt` and `val.txt` beside folders of images and masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segcli.data.changes.settled import read_settled
from segcli.data.class_files import ClassNames, read_class_names, resolve_classes
from segcli.data.classes import IGNORE_INDEX
from segcli.data.dataset_folder import require_folder
from segcli.data.file_lookup import FileLookup
from segcli.data.formats.kinds import refuse_other_kind
from segcli.data.formats.list_pairs import pair_findings
from segcli.data.formats.masks_layout import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    has_lists,
    paired_files,
    split_pairs,
    training_pairs,
    unlike_names,
)
from segcli.data.formats.other_tools import refuse_other_tools
from segcli.data.formats.unlisted import unlisted_samples
from segcli.data.formats.voc_layout import COLOUR_FILE, find_voc, voc_layout
from segcli.data.id_counts import count_ids
from segcli.data.image import read_mask
from segcli.data.lists import relative_name, scan_list
from segcli.data.prefetch import map_ahead
from segcli.data.samples import SegDataset, SegSample, Split
from segcli.data.walk import folders
from segcli.errors import DatasetError, InputError
from segcli.findings import Finding, has_errors
from segcli.plurals import listed
from segcli.rules import finding

LIST_FILES = {Split.TRAIN: "train.txt", Split.VAL: "val.txt"}
TEST_LIST = "test.txt"
IMAGE_FOLDER = "images"
_FEWEST_ALONE = 5
"""From so many folders with one image or none, they are not datasets but its images."""


@dataclass(frozen=True)
class SegLists:
    """The samples in the lists of a dataset, and the faults of the lists. No image was opened."""

    root: Path
    train: tuple[SegSample, ...]
    val: tuple[SegSample, ...]
    findings: tuple[Finding, ...]


def find_root(dataset_dir: Path) -> Path:
    """Finds the folder that holds the lists.

    That is `dataset_dir` itself when a list lies there, otherwise, as in PaddleX, the parent of the only folder called
    `images` below it. Without lists, it is a folder of Pascal VOC, or of images and masks with matching names.

    Raises:
        DatasetError: There is no such folder (S001), more than one (S002), LabelMe files alone (L006), a dataset for
            another task (S003), or annotations of another tool (F002).
    """
    require_folder(dataset_dir)
    if has_lists(dataset_dir):
        return dataset_dir
    parents = [folder.parent for folder in folders(dataset_dir) if folder.name.lower() in IMAGE_FOLDERS]
    candidates = [parent for parent in parents if has_lists(parent)]
    if not candidates:
        refuse_other_kind(dataset_dir, wanted="masks")
        voc = find_voc(dataset_dir)
        above = (place for parent in parents for place in (parent, parent.parent) if place.is_relative_to(dataset_dir))
        with_splits = [
            place for place in dict.fromkeys((dataset_dir, *above)) if split_pairs(place) or training_pairs(place)
        ]
        paired = with_splits or [one for one in (dataset_dir, *parents) if paired_files(one)]
        candidates = [voc] if voc is not None else list(dict.fromkeys(paired))
    if not candidates:
        refuse_other_tools(dataset_dir)
    candidates = candidates or parents
    if not candidates:
        raise _no_dataset(dataset_dir, "neither train.txt nor val.txt nor a folder called images is here")
    if len(candidates) > 1:
        listing = listed(candidates, name=lambda parent: relative_name(parent, dataset_dir))
        alone = len(candidates) >= _FEWEST_ALONE and all(len(paired_files(parent)) <= 1 for parent in candidates)
        hint = "put all images into one folder images/, and a mask of ids for each into masks/" if alone else None
        fault = finding("S002", str(dataset_dir), f"datasets may lie in {listing}", hint=hint)
        raise DatasetError(fault.message, [fault], path=dataset_dir, hint=fault.hint)
    return candidates[0]


def scan_lists(root: Path) -> SegLists:
    """Reads both lists of the dataset in `root`; without lists, pairs images and masks by name."""
    if not has_lists(root):
        found = unlisted_samples(root)
        if found is not None:
            return SegLists(root, *found)
        if not any((root / name).is_dir() for name in MASK_FOLDERS):
            message = "there is no such file, and no folder of masks from which the lists could be made"
            hint = f"label the images: a mask of the same name in {root / MASK_FOLDERS[0]} for each of them"
            return SegLists(root, (), (), (finding("S101", LIST_FILES[Split.TRAIN], message, hint=hint),))
        unlike = unlike_names(root)
        if unlike is not None:
            what, hint = unlike
            return SegLists(root, (), (), (finding("S101", LIST_FILES[Split.TRAIN], what, hint=hint),))
    files = FileLookup(root)
    train, train_findings = scan_list(root, LIST_FILES[Split.TRAIN], files)
    val, val_findings = scan_list(root, LIST_FILES[Split.VAL], files)
    pairs = (
        fault
        for split, own in zip(Split, (train, val), strict=True)
        for fault in pair_findings(root, LIST_FILES[split], own)
    )
    return SegLists(root, train, val, (*train_findings, *val_findings, *pairs))


def class_names_of(root: Path) -> tuple[ClassNames | None, list[Finding]]:
    """Returns the class names of the dataset in `root`, None where there are none, and the faults of their file."""
    if not has_lists(root) and find_voc(root) == root:
        names = voc_layout(root).names
        ordered = tuple(names.get(number, f"class_{number}") for number in range(max(names) + 1))
        return ClassNames(COLOUR_FILE, ordered), []
    return read_class_names(root)


def list_place(sample: SegSample, split: Split) -> str:
    """Location of a sample, for messages."""
    return f"{LIST_FILES[split]} line {sample.line}" if sample.line else f"{split.value} split, in no list"


def scan_seg_dataset(dataset_dir: Path, num_classes: int | None = None) -> tuple[SegDataset, list[Finding]]:
    """Returns the dataset and the faults of its lists and class file; images are not opened.

    Masks are decoded only where neither a class file nor `num_classes` gives the number of classes.

    Args:
        dataset_dir: Folder of the dataset, or one above it.
        num_classes: Number of classes in the configuration, where given.

    Raises:
        DatasetError: There is no dataset.
    """
    lists = scan_lists(find_root(dataset_dir))
    source, class_findings = class_names_of(lists.root)
    findings = [*lists.findings, *class_findings]

    def ids_seen() -> set[int]:
        ids, faults = _ids_in_masks(lists)
        findings.extend(faults)
        return ids

    classes, resolution = resolve_classes(source, num_classes, ids_seen)
    return SegDataset(lists.root, classes, lists.train, lists.val), [*findings, *resolution]


def open_seg_dataset(dataset_dir: Path, num_classes: int | None = None) -> SegDataset:
    """Opens a dataset for training or evaluation, after checking its lists and class names.

    Raises:
        DatasetError: There is no dataset, or its lists have errors; carries the findings. Or a change of it was
            interrupted.
        BusyError: Another process is changing it.
    """
    dataset, findings = read_settled(dataset_dir, lambda: scan_seg_dataset(dataset_dir, num_classes))
    if has_errors(findings):
        raise DatasetError(
            "the dataset has faults",
            findings,
            path=dataset_dir,
            hint="Global.mode=check_dataset lists every fault of every file",
        )
    return dataset


def _no_dataset(dataset_dir: Path, message: str) -> DatasetError:
    fault = finding("S001", str(dataset_dir), message)
    return DatasetError(f"no dataset: {message}", [fault], path=dataset_dir, hint=fault.hint)


def _ids_in_masks(lists: SegLists) -> tuple[set[int], list[Finding]]:
    def ids_or_fault(path: Path) -> set[int] | Finding:
        try:
            return {int(class_id) for class_id in np.flatnonzero(count_ids(read_mask(path)))}
        except InputError as error:
            return finding("S205", relative_name(path, lists.root), error.message, hint=error.hint)

    masks = dict.fromkeys(sample.mask for sample in (*lists.train, *lists.val))
    ids: set[int] = set()
    faults: list[Finding] = []
    for result in map_ahead(ids_or_fault, masks):
        if isinstance(result, Finding):
            faults.append(result)
        else:
            ids |= result
    return ids - {IGNORE_INDEX}, faults
