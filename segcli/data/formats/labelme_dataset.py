"""Finds the LabelMe files of a dataset in any common layout, and their images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.data.changes.journal import added_files
from segcli.data.files import is_file
from segcli.data.formats.labelme import LabelMeFile, read_labelme
from segcli.data.lists import read_text_file, relative_name
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import entries, files_below, folders_below
from segcli.errors import UsageError
from segcli.findings import Finding, has_errors
from segcli.plurals import listed
from segcli.rules import finding
from segcli.text import safe

LIST_FILES = {Split.TRAIN: "train_anno_list.txt", Split.VAL: "val_anno_list.txt"}
ANNOTATION_FOLDER = "annotations"
LABEL_FILES = ("label.txt", "labels.txt")
IMAGE_FOLDERS = ("images", "imgs", "JPEGImages")
_COCO_FILES = {"instance_train.json", "instance_val.json"}


@dataclass(frozen=True)
class LabelMeSample:
    """One LabelMe file and its image.

    Attributes:
        name: Path of the file relative to the dataset, for messages.
        annotation: The file.
        image: The image file; None when the image is only embedded.
        split: Split whose list names the file; None unless both lists exist.
    """

    name: str
    annotation: LabelMeFile
    image: Path | None
    split: Split | None


@dataclass(frozen=True)
class LabelMeDataset:
    """All LabelMe files of a dataset and their problems."""

    root: Path
    samples: tuple[LabelMeSample, ...]
    label_names: tuple[str, ...] | None
    findings: tuple[Finding, ...]


def find_labelme_root(dataset_dir: Path) -> Path:
    """The folder that holds the lists: `dataset_dir` itself, or the only such folder below it; else `dataset_dir`.

    Raises:
        UsageError: Several folders below it hold lists.
    """
    names = LIST_FILES.values()
    if any(is_file(dataset_dir / name) for name in names):
        return dataset_dir
    folders = sorted(folder for folder, files in folders_below(dataset_dir) if set(names) & set(files))
    if len(folders) > 1:
        listing = ", ".join(relative_name(folder, dataset_dir) for folder in folders)
        hint = "point Global.dataset_dir at one of them"
        raise UsageError(f"several folders hold LabelMe data: {listing}", path=dataset_dir, hint=hint)
    return folders[0] if folders else dataset_dir


def read_labelme_dataset(dataset_dir: Path) -> LabelMeDataset:
    """Reads every LabelMe file of a dataset; images are not opened.

    `train_anno_list.txt` and `val_anno_list.txt` together define the splits. One of them alone only selects the files
    to use; without lists, every LabelMe file is used. `label.txt`, where present, defines the classes and their
    order.
    """
    root = Path(os.path.normpath(find_labelme_root(dataset_dir)))
    findings: list[Finding] = []
    samples = []
    faulty: set[str] = set()
    images = _ImageFinder(root)
    listed = any(is_file(root / list_file) for list_file in LIST_FILES.values())
    for path, split in _annotation_files(root, findings):
        name = relative_name(path, root)
        odd = _odd_name(path)
        if odd is not None:
            findings.append(finding("L209", odd, "its name is not valid UTF-8"))
            continue
        annotation, faults = read_labelme(path, name)
        if annotation is None:
            faulty.add(path.stem)
            foreign = not listed and faults[0].code == "L102"
            findings += [finding("L005", name, faults[0].message)] if foreign else faults
            continue
        findings += faults
        found = images.find(annotation)
        if found is None and not annotation.has_image_data:
            stated = annotation.image_path or f"{path.stem}.*"
            findings.append(finding("L201", name, f"its image {stated} was not found"))
            continue
        odd = _odd_name(found) if found is not None else None
        if odd is not None:
            findings.append(finding("L209", name, f"the name of its image, {odd}, is not valid UTF-8"))
            continue
        if not annotation.shapes and not faults:
            findings.append(finding("L109", name, "holds no shapes"))
        samples.append(LabelMeSample(name, annotation, found, split))
    samples = _first_per_image(samples, findings)
    if not listed:
        findings += _unlabelled(root, samples, images.written, faulty)
    if not samples and not has_errors(findings):
        findings.append(finding("L001", str(root), "there is no LabelMe file here"))
    return LabelMeDataset(root, tuple(samples), _label_names(root), tuple(findings))


def _odd_name(path: Path) -> str | None:
    """The escaped name of a file whose name is not valid UTF-8, as left by archives made on Windows; None otherwise."""
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return safe(path.name)
    return None


def _unlabelled(root: Path, samples: list[LabelMeSample], written: set[Path], faulty: set[str]) -> list[Finding]:
    """Reports images beside the labelled ones that have no annotation.

    Images from an earlier conversion do not count, nor does the image of a file that cannot be read.
    """
    used = {sample.image for sample in samples if sample.image is not None}
    beside = (path for folder in sorted({image.parent for image in used}) for path in entries(folder))
    known = used | written
    free = [
        path
        for path in beside
        if path.suffix.lower() in IMAGE_SUFFIXES and path not in known and path.stem not in faulty
    ]
    if not free:
        return []
    names = listed(free, name=lambda path: _odd_name(path) or relative_name(path, root))
    noun = "image has" if len(free) == 1 else "images have"
    return [finding("L206", str(root), f"{len(free)} {noun} no annotation: {names}")]


def _first_per_image(samples: list[LabelMeSample], findings: list[Finding]) -> list[LabelMeSample]:
    """Keeps the first sample of each image and reports the others."""
    first: dict[Path, LabelMeSample] = {}
    kept = []
    for sample in samples:
        if sample.image is None or first.setdefault(sample.image, sample) is sample:
            kept.append(sample)
        else:
            message = f"its image {sample.image.name} is also that of {first[sample.image].name}"
            findings.append(finding("L204", sample.name, message))
    return kept


def _annotation_files(root: Path, findings: list[Finding]) -> Iterator[tuple[Path, Split | None]]:
    lists = {split: root / name for split, name in LIST_FILES.items() if is_file(root / name)}
    if not lists:
        yield from ((path, None) for path in _all_annotations(root))
        return
    owner: dict[Path, Split] = {}
    for split, list_file in lists.items():
        for number, line in read_text_file(list_file).lines:
            entry = line.replace("\\", "/")
            path = Path(os.path.normpath(root / entry))
            if owner.get(path) is split:
                continue
            if path in owner:
                findings.append(finding("L004", list_file.name, f"{entry} is in both lists", location=f"line {number}"))
            elif not is_file(path):
                findings.append(finding("L002", list_file.name, f"{entry} does not exist", location=f"line {number}"))
            else:
                owner[path] = split
    findings += [
        finding("L003", relative_name(path, root), "is in no list")
        for path in _all_annotations(root)
        if path not in owner
    ]
    yield from ((path, split if len(lists) == len(Split) else None) for path, split in owner.items())


def _all_annotations(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.suffix == ".json" and path.name not in _COCO_FILES]


def _label_names(root: Path) -> tuple[str, ...] | None:
    path = next((root / name for name in LABEL_FILES if is_file(root / name)), None)
    if path is None:
        return None
    return tuple(dict.fromkeys(line for _, line in read_text_file(path).lines)) or None


class _ImageFinder:
    """Looks for images where the LabelMe file says, then in the usual places.

    A file written by an earlier conversion is used only if there is no other candidate, so that a repeated conversion
    finds the same images as the first one; unless the annotation was written by a conversion, too.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders = [root / name for name in IMAGE_FOLDERS]
        self.written = added_files(root)

    def find(self, annotation: LabelMeFile) -> Path | None:
        """Returns the image file; None when it is not found, or only embedded."""
        written = None
        both_written = annotation.path in self.written
        for candidate in self._candidates(annotation):
            if is_file(candidate):
                if both_written or candidate not in self.written:
                    return candidate
                if candidate.parent.name in IMAGE_FOLDERS:
                    written = written or candidate
        return None if annotation.has_image_data else written

    def _candidates(self, annotation: LabelMeFile) -> Iterator[Path]:
        here = annotation.path.parent
        stated = annotation.image_path
        if stated is not None:
            if here.name == ANNOTATION_FOLDER and len(stated.parts) == 1:
                # a file beside it is then a mask that another tool made from it
                yield from self._image_folders(here, stated.name)
            yield Path(os.path.normpath(here / stated))
            yield from self._by_name(here, stated.name)
        for suffix in sorted(IMAGE_SUFFIXES):
            yield from self._by_name(here, annotation.path.stem + suffix)
            yield from self._by_name(here, annotation.path.stem + suffix.upper())

    def _by_name(self, here: Path, name: str) -> Iterator[Path]:
        yield here / name
        yield from self._image_folders(here, name)

    def _image_folders(self, here: Path, name: str) -> Iterator[Path]:
        beside = here if here == self._root else here.parent
        for folder in IMAGE_FOLDERS:
            yield beside / folder / name
        for known in self._folders:
            yield known / name
