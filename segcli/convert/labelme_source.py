"""Finds the LabelMe files of a dataset, in any of the layouts that people keep them in, and their pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.data.codes import finding
from segcli.data.finding import Finding
from segcli.data.image import IMAGE_SUFFIXES
from segcli.data.labelme import LabelMeFile, read_labelme
from segcli.data.lists import read_text_file, relative_name
from segcli.data.samples import Split
from segcli.data.transaction import FOLDER, added_files, recover

LIST_FILES = {Split.TRAIN: "train_anno_list.txt", Split.VAL: "val_anno_list.txt"}
PICTURE_FOLDERS = ("images", "imgs", "JPEGImages")
_COCO_FILES = {"instance_train.json", "instance_val.json"}


@dataclass(frozen=True)
class LabelMeSample:
    """One LabelMe file and its picture.

    Attributes:
        name: Path of the file relative to the dataset, for messages.
        annotation: The file.
        picture: The picture's file; None when it is embedded only.
        split: The part whose list names the file; None when there are not both lists.
    """

    name: str
    annotation: LabelMeFile
    picture: Path | None
    split: Split | None


@dataclass(frozen=True)
class LabelMeDataset:
    """All LabelMe files of a dataset and what is wrong with them."""

    root: Path
    samples: tuple[LabelMeSample, ...]
    label_names: tuple[str, ...] | None
    findings: tuple[Finding, ...]


def read_labelme_dataset(root: Path) -> LabelMeDataset:
    """Reads every LabelMe file below `root`, the pictures unopened; a conversion that was killed is rolled back.

    With `train_anno_list.txt` and `val_anno_list.txt` these say which files belong to which part. One of them alone
    says which files are taken; without them every LabelMe file is. `label.txt`, where present, fixes the classes and
    their order.
    """
    root = Path(os.path.normpath(root))
    recover(root)
    findings: list[Finding] = []
    samples = []
    pictures = _PictureFinder(root)
    for path, split in _annotation_files(root, findings):
        name = relative_name(path, root)
        annotation, faults = read_labelme(path, name)
        findings += faults
        if annotation is None:
            continue
        picture = pictures.find(annotation)
        if picture is None and not annotation.has_image_data:
            stated = annotation.image_path or f"{path.stem}.*"
            findings.append(finding("L201", name, f"its picture {stated} is nowhere"))
            continue
        if not annotation.shapes and not faults:
            findings.append(finding("L109", name, "holds no shapes"))
        samples.append(LabelMeSample(name, annotation, picture, split))
    samples = _one_a_picture(samples, findings)
    if not samples and not findings:
        findings.append(finding("L001", str(root), "no LabelMe file lies here"))
    return LabelMeDataset(root, tuple(samples), _label_names(root), tuple(findings))


def _one_a_picture(samples: list[LabelMeSample], findings: list[Finding]) -> list[LabelMeSample]:
    """The first sample of each picture."""
    first: dict[Path, LabelMeSample] = {}
    kept = []
    for sample in samples:
        if sample.picture is None or first.setdefault(sample.picture, sample) is sample:
            kept.append(sample)
        else:
            message = f"its picture {sample.picture.name} is also that of {first[sample.picture].name}"
            findings.append(finding("L204", sample.name, message))
    return kept


def _annotation_files(root: Path, findings: list[Finding]) -> Iterator[tuple[Path, Split | None]]:
    lists = {split: root / name for split, name in LIST_FILES.items() if (root / name).is_file()}
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
            elif not path.is_file():
                findings.append(finding("L002", list_file.name, f"{entry} is not there", location=f"line {number}"))
            else:
                owner[path] = split
    findings += [
        finding("L003", relative_name(path, root), "is in no list")
        for path in _all_annotations(root)
        if path not in owner
    ]
    yield from ((path, split if len(lists) == len(Split) else None) for path, split in owner.items())


def _all_annotations(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.json") if path.name not in _COCO_FILES and FOLDER not in path.parts)


def _label_names(root: Path) -> tuple[str, ...] | None:
    path = root / "label.txt"
    if not path.is_file():
        return None
    return tuple(dict.fromkeys(line for _, line in read_text_file(path).lines))


class _PictureFinder:
    """Looks for pictures where LabelMe says they are, then where people put them.

    A picture or mask that an earlier conversion wrote is not taken for the source while there is another, so that a
    repeated conversion finds what the first one found.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders = [root / name for name in PICTURE_FOLDERS]
        self._written = added_files(root)

    def find(self, annotation: LabelMeFile) -> Path | None:
        """The picture's file; None when it is nowhere, or embedded only."""
        written = None
        for candidate in self._candidates(annotation):
            if candidate.is_file():
                if candidate not in self._written:
                    return candidate
                if candidate.parent.name in PICTURE_FOLDERS:
                    written = written or candidate
        return None if annotation.has_image_data else written

    def _candidates(self, annotation: LabelMeFile) -> Iterator[Path]:
        here = annotation.path.parent
        if annotation.image_path is not None:
            yield Path(os.path.normpath(here / annotation.image_path))
            yield from self._by_name(here, annotation.image_path.name)
        for suffix in sorted(IMAGE_SUFFIXES):
            yield from self._by_name(here, annotation.path.stem + suffix)

    def _by_name(self, here: Path, name: str) -> list[Path]:
        beside = here if here == self._root else here.parent
        siblings = [beside / folder for folder in PICTURE_FOLDERS]
        return [folder / name for folder in (here, *siblings, *self._folders)]
