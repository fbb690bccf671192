"""Finds the LabelMe files of a dataset, in any of the layouts that people keep them in, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segcli.data.codes import finding
from segcli.data.finding import Finding
from segcli.data.image import IMAGE_SUFFIXES
from segcli.data.labelme import LabelMeFile, read_labelme
from segcli.data.samples import Split
from segcli.data.transaction import FOLDER

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
        split: The part whose list names the file; None when there are no lists.
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
    """Reads every LabelMe file below `root`, the pictures unopened.

    With `train_anno_list.txt` or `val_anno_list.txt` these say which files belong to which part; without them every
    LabelMe file is taken. `label.txt`, where present, fixes the classes and their order.
    """
    findings: list[Finding] = []
    samples = []
    pictures = _PictureFinder(root)
    for path, split in _annotation_files(root, findings):
        name = path.relative_to(root).as_posix()
        annotation, faults = read_labelme(path, name)
        findings += faults
        if annotation is None:
            continue
        picture = pictures.find(annotation)
        if picture is None and annotation.image_data is None:
            stated = annotation.image_path or f"{path.stem}.*"
            findings.append(finding("L201", name, f"its picture {stated} is nowhere"))
            continue
        if not annotation.shapes and not faults:
            findings.append(finding("L109", name, "holds no shapes"))
        samples.append(LabelMeSample(name, annotation, picture, split))
    if not samples and not findings:
        findings.append(finding("L001", str(root), "no LabelMe file lies here"))
    return LabelMeDataset(root, tuple(samples), _label_names(root), tuple(findings))


def _annotation_files(root: Path, findings: list[Finding]) -> Iterator[tuple[Path, Split | None]]:
    lists = {split: root / name for split, name in LIST_FILES.items() if (root / name).is_file()}
    if not lists:
        yield from ((path, None) for path in _all_annotations(root))
        return
    owner: dict[Path, Split] = {}
    for split, list_file in lists.items():
        for number, line in enumerate(list_file.read_text(encoding="utf-8-sig").splitlines(), start=1):
            entry = line.strip().replace("\\", "/")
            path = root / entry
            if not entry or owner.get(path) is split:
                continue
            if path in owner:
                findings.append(finding("L004", list_file.name, f"{entry} is in both lists", location=f"line {number}"))
            elif not path.is_file():
                findings.append(finding("L002", list_file.name, f"{entry} is not there", location=f"line {number}"))
            else:
                owner[path] = split
    findings += [
        finding("L003", path.relative_to(root).as_posix(), "is in neither list")
        for path in _all_annotations(root)
        if path not in owner
    ]
    yield from owner.items()


def _all_annotations(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.json") if path.name not in _COCO_FILES and FOLDER not in path.parts)


def _label_names(root: Path) -> tuple[str, ...] | None:
    path = root / "label.txt"
    if not path.is_file():
        return None
    lines = (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


class _PictureFinder:
    """Looks for pictures where LabelMe says they are, then where people put them."""

    def __init__(self, root: Path) -> None:
        self._folders = [root / name for name in PICTURE_FOLDERS]

    def find(self, annotation: LabelMeFile) -> Path | None:
        """The picture of a LabelMe file; None when it is nowhere."""
        here = annotation.path.parent
        if annotation.image_path is not None:
            for candidate in (here / annotation.image_path, *self._by_name(here, annotation.image_path.name)):
                if candidate.is_file():
                    return candidate.resolve() if ".." in candidate.parts else candidate
        for suffix in sorted(IMAGE_SUFFIXES):
            for candidate in self._by_name(here, annotation.path.stem + suffix):
                if candidate.is_file():
                    return candidate
        return None

    def _by_name(self, here: Path, name: str) -> list[Path]:
        siblings = [here.parent / folder for folder in PICTURE_FOLDERS]
        return [folder / name for folder in (here, *siblings, *self._folders)]
