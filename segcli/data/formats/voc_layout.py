"""Locations of the files of a Pascal VOC dataset, as written by the original, CVAT and labelme2voc."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME, is_background
from segcli.data.files import is_dir, is_file
from segcli.data.lists import read_text_file
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import files_below
from segcli.findings import Finding
from segcli.plurals import counted, listed
from segcli.rules import finding

CLASS_FOLDERS = ("SegmentationClass", "SegmentationClassPNG")
OBJECT_FOLDERS = ("SegmentationObject", "SegmentationObjectPNG")
IMAGE_FOLDERS = ("JPEGImages", "images")
SETS = "ImageSets/Segmentation"
COLOUR_FILE = "labelmap.txt"
_NAME_FILES = ("class_names.txt", "labels.txt", "label.txt")
_LISTS = {Split.TRAIN: ("train.txt",), Split.VAL: ("val.txt", "valid.txt")}
_COLOUR_LINE = re.compile(r"([^:#]+):\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*:.*|([^:#]+):.*")

VOC_NAMES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""Class names of the original dataset, with ids from 1."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class VocSample:
    """One image: its name, files and split; the split is None where no list names it."""

    name: str
    image: Path | None
    class_map: Path
    object_map: Path | None
    split: Split | None


@dataclass(frozen=True)
class VocLayout:
    """The files of a dataset.

    Attributes:
        root: Its folder.
        names: Class name per id; 0 is the background.
        colours: Class id per colour, where the maps are in colour.
        samples: Its images.
        unused: Lists that are not used, like `test.txt`.
        in_both: Names that are in the lists of both splits.
        empty: Splits whose list is empty or missing, although the other one names images.
    """

    root: Path
    names: Mapping[int, str]
    colours: Mapping[Colour, int]
    samples: tuple[VocSample, ...]
    unused: tuple[str, ...] = field(default=())
    in_both: tuple[str, ...] = field(default=())
    empty: tuple[Split, ...] = field(default=())

    def list_findings(self) -> Iterator[Finding]:
        """Faults of the lists: images in both splits, and a split without images."""
        if self.in_both:
            verb = "is" if len(self.in_both) == 1 else "are"
            what = f"{counted(len(self.in_both), 'image')} {verb} in train and in val: {listed(self.in_both)}"
            yield finding("V107", SETS, what)
        for split in self.empty:
            yield finding("V108", f"{SETS}/{split.value}.txt", "names no image, but the other list does")


def find_voc(folder: Path) -> Path | None:
    """The folder that holds the class maps: `folder`, or the first up to two levels below it."""
    for pattern in ("", "*/", "*/*/"):
        for name in CLASS_FOLDERS:
            found = sorted(path for path in folder.glob(f"{pattern}{name}") if is_dir(path))
            if found:
                return found[0].parent
    return None


def voc_layout(root: Path) -> VocLayout:
    """Finds the files of the dataset in `root`."""
    class_maps = _files(root, CLASS_FOLDERS, frozenset({".png"}))
    object_maps = _files(root, OBJECT_FOLDERS, frozenset({".png"}))
    images = _files(root, IMAGE_FOLDERS, IMAGE_SUFFIXES)
    lists = _lists(root, class_maps)
    splits, unused = _splits(root, lists, class_maps)
    first, second = (set(lists.get(split, ())) for split in Split)
    in_both = tuple(name for name in dict.fromkeys(lists.get(Split.TRAIN, ())) if name in second)
    empty = tuple(split for split, own in zip(Split, (first, second), strict=True) if (first or second) and not own)
    names, colours = _names(root)
    samples = tuple(
        VocSample(name, images.get(name), path, object_maps.get(name), splits.get(name))
        for name, path in class_maps.items()
        if not splits or name in splits
    )
    missing = [name for name in splits if name not in class_maps]
    folder = next((root / name for name in CLASS_FOLDERS if is_dir(root / name)), root / CLASS_FOLDERS[0])
    lost = tuple(VocSample(name, images.get(name), folder / f"{name}.png", None, splits[name]) for name in missing)
    return VocLayout(root, names, colours, (*samples, *lost), unused, in_both, empty)


def _known(name: str, class_maps: Mapping[str, Path]) -> str:
    """A name as the class maps have it: some lists give the names of the image files."""
    stem, _, suffix = name.rpartition(".")
    return stem if name not in class_maps and f".{suffix.lower()}" in IMAGE_SUFFIXES else name


def _lists(root: Path, class_maps: Mapping[str, Path]) -> dict[Split, list[str]]:
    """The names in the lists of each split."""
    return {
        split: [
            name for file in files if is_file(root / SETS / file) for name in _listed(root / SETS / file, class_maps)
        ]
        for split, files in _LISTS.items()
    }


def _files(root: Path, folders: tuple[str, ...], suffixes: frozenset[str]) -> dict[str, Path]:
    """Files by relative path without suffix, from the first of the folders that has any."""
    for name in folders:
        folder = root / name
        if is_dir(folder):
            paths = files_below(folder, suffixes)
            return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    return {}


def _splits(
    root: Path, named: Mapping[Split, Sequence[str]], class_maps: Mapping[str, Path]
) -> tuple[dict[str, Split | None], tuple[str, ...]]:
    """Split of each name in the lists, and unused lists of other splits; without both lists there are no splits."""
    lists = {path.name: path for path in sorted((root / SETS).glob("*.txt"))} if is_dir(root / SETS) else {}
    splits: dict[str, Split | None] = {}
    for split, names in named.items():
        splits.update(dict.fromkeys(names, split))
    if not splits:
        whole = [name for name in lists if name not in ("test.txt",)]
        return {name: None for file in whole for name in _listed(lists[file], class_maps)}, ()
    used = {name for names in _LISTS.values() for name in names}
    others = tuple(name for name in lists if name not in used and name != "trainval.txt")
    return splits, others


def _listed(path: Path, class_maps: Mapping[str, Path]) -> list[str]:
    return [_known(line.split()[0], class_maps) for _, line in read_text_file(path).lines]


def _names(root: Path) -> tuple[dict[int, str], dict[Colour, int]]:
    """Names and colours from `labelmap.txt`, else names from labelme2voc, else those of the original."""
    if is_file(root / COLOUR_FILE):
        return _colour_names(root / COLOUR_FILE)
    path = next((root / name for name in _NAME_FILES if is_file(root / name)), None)
    if path is None:
        return dict(enumerate((BACKGROUND_NAME, *VOC_NAMES))), {}
    names = [line for _, line in read_text_file(path).lines if line != IGNORE_NAME]
    if not names or not is_background(names[0]):
        names.insert(0, BACKGROUND_NAME)
    return dict(enumerate(names)), {}


def _colour_names(path: Path) -> tuple[dict[int, str], dict[Colour, int]]:
    """Parses lines `name:r,g,b:parts:actions`; the background is 0, the others are numbered in file order."""
    names: dict[int, str] = {}
    colours: dict[Colour, int] = {}
    entries = [match for _, line in read_text_file(path).lines if (match := _COLOUR_LINE.fullmatch(line))]
    entries.sort(key=lambda match: not is_background((match[1] or match[5]).strip()))
    has_ground = bool(entries) and is_background((entries[0][1] or entries[0][5]).strip())
    for number, match in enumerate(entries, start=0 if has_ground else 1):
        names[number] = (match[1] or match[5]).strip()
        if match[1]:
            colours[int(match[2]), int(match[3]), int(match[4])] = number
    names.setdefault(0, BACKGROUND_NAME)
    return dict(sorted(names.items())), colours
