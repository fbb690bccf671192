"""Locations of the files of a COCO dataset, as named by PaddleX or by other tools.

| tool | files |
| --- | --- |
| PaddleX | `annotations/instance_train.json`, `annotations/instance_val.json`, images in `images/` |
| COCO 2017 | `annotations/instances_train2017.json`, images in `train2017/` |
| CVAT | `annotations/instances_default.json` |
| Roboflow | `train/_annotations.coco.json`, `valid/_annotations.coco.json`, images beside them |
| Label Studio | `result.json`, images in `images/` with a hash before their names |
| labelme2coco | `dataset.json`, `trainval.json` |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segcli.data.changes.journal import FOLDER
from segcli.data.files import is_dir, is_file, require_regular
from segcli.data.lists import relative_name
from segcli.data.samples import Split
from segcli.data.walk import entries
from segcli.errors import DatasetError
from segcli.rules import finding

ANNOTATION_FILES = {split: f"annotations/instance_{split.value}.json" for split in Split}
"""PaddleX's names."""
TEST_FILE = "annotations/instance_test.json"
FOLDS = "folds"
"""Where `segcli split` writes cross-validation folds, each with both files; not searched for datasets."""
_FOLDERS = frozenset({"annotations", "annotation"})
_DEPTH = 3
_MANY = 32
"""In a folder with more JSON files, only those with typical names are opened."""
_SNIFFED_BYTES = 1 << 16
_TELLING = re.compile(
    r"instances?[_-].*|_annotations\.coco|result|trainval|train|val|valid|coco.*|annotations?|dataset|labels", re.I
)
_OTHER_TASKS = re.compile(r"captions_|person_keypoints_|panoptic_|image_info_|stuff_|instance_\w+\.json\.bak", re.I)
_PART = re.compile(r"(?:^|[^a-z])(train|val|valid|validation|test)(?:[^a-z]|$)", re.I)
_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
_ENTRY_KEYS = re.compile(rb'"(file_name|category_id|segmentation)"\s*:')
_FOREIGN_KEYS = re.compile(rb'"(shapes|imageData|asset)"\s*:')


@dataclass(frozen=True)
class CocoLayout:
    """The files of one dataset.

    Attributes:
        root: Its folder.
        files: Annotation file of each split, relative to `root`.
        is_whole: Whether one file holds all images without naming their splits.
        unused: Annotation files of other splits, such as the test split.
    """

    root: Path
    files: Mapping[Split, str]
    is_whole: bool = False
    unused: tuple[str, ...] = ()

    @property
    def is_paddlex(self) -> bool:
        """Whether the files have PaddleX's names."""
        return dict(self.files) == ANNOTATION_FILES

    def image_folders(self, file: str) -> list[Path]:
        """Folders that may hold the images of an annotation file, the likeliest first."""
        path = self.root / file
        names = [self.root / "images", path.parent]
        for word in re.findall(r"(?:train|val|test)\d*", path.stem):
            names += [self.root / word, self.root / "images" / word]
        names += [self.root / "images" / path.stem, self.root]
        return list(dict.fromkeys(folder for folder in names if is_dir(folder)))


def coco_layouts(dataset_dir: Path) -> list[CocoLayout]:
    """The COCO datasets in a folder or below it, in order of their folders."""
    files: dict[Path, list[Path]] = {}
    for path in _annotation_files(dataset_dir):
        files.setdefault(_root_of(path, dataset_dir), []).append(path)
    return [layout for root, paths in sorted(files.items()) if (layout := _layout(root, paths)) is not None]


def coco_layout(dataset_dir: Path) -> CocoLayout | None:
    """The COCO dataset in a folder, or the only one below it; None where there is none.

    Raises:
        DatasetError: There are several (C102).
    """
    return chosen_layout(coco_layouts(dataset_dir), dataset_dir)


def chosen_layout(found: Sequence[CocoLayout], dataset_dir: Path) -> CocoLayout | None:
    """The same of what `coco_layouts` has found."""
    own = [layout for layout in found if layout.root == dataset_dir]
    if own or len(found) < 2:
        return next(iter(own or found), None)
    listing = ", ".join(relative_name(layout.root, dataset_dir) for layout in found)
    fault = finding("C102", str(dataset_dir), f"datasets lie in {listing}")
    raise DatasetError(fault.message, [fault], path=dataset_dir, hint=fault.hint)


def _annotation_files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """JSON files that look like COCO; PaddleX's are found by name alone, so that a damaged one is reported."""
    if not is_dir(folder):
        return
    found = entries(folder)
    texts = [path for path in found if path.suffix.lower() == ".json" and is_file(path)]
    for path in texts:
        named = path.parent.name == "annotations" and path.name in ("instance_train.json", "instance_val.json")
        worth = (len(texts) <= _MANY or _TELLING.fullmatch(path.stem)) and not _OTHER_TASKS.match(path.name)
        if named or (worth and _looks_like_coco(path)):
            yield path
    if depth < _DEPTH:
        for path in found:
            if is_dir(path) and path.name not in (FOLDER, FOLDS) and not path.is_symlink():
                yield from _annotation_files(path, depth + 1)


def _looks_like_coco(path: Path) -> bool:
    try:
        require_regular(path)
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError:
        return False
    lists = set(_KEYS.findall(head))
    is_coco = len(lists) > 1 or (lists and _ENTRY_KEYS.search(head))
    return head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") and bool(is_coco and not _FOREIGN_KEYS.search(head))


def _root_of(path: Path, dataset_dir: Path) -> Path:
    folder = path.parent
    is_part = _PART.fullmatch(folder.name) is not None
    if folder != dataset_dir and (folder.name.lower() in _FOLDERS or is_part):
        return folder.parent
    return folder


def _layout(root: Path, paths: list[Path]) -> CocoLayout | None:
    names = [relative_name(path, root) for path in paths]
    if any(name in ANNOTATION_FILES.values() for name in names):
        return CocoLayout(root, ANNOTATION_FILES)
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(_part_of(name), []).append(name)
    for part, found in parts.items():
        if part in ("train", "val", "") and len(found) > 1:
            listing = ", ".join(found)
            what = f"the {part} part" if part else "all images"
            fault = finding("C102", str(root), f"several files may hold {what}: {listing}")
            raise DatasetError(fault.message, [fault], path=root, hint="leave one of them in the folder")
    train, val, whole = (parts.get(part, [None])[0] for part in ("train", "val", ""))
    if train is not None and val is not None:
        unused = tuple(name for name in names if name not in (train, val))
        return CocoLayout(root, {Split.TRAIN: train, Split.VAL: val}, unused=unused)
    only = train or whole or val
    if only is None:
        return None
    unused = tuple(name for name in names if name != only)
    return CocoLayout(root, dict.fromkeys(Split, only), is_whole=True, unused=unused)


def _part_of(name: str) -> str:
    """`train`, `val`, `test` or an empty string, from the file name, else from the folder name."""
    path = Path(name)
    for text in (path.stem, path.parent.name):
        found = _PART.search(text)
        if found is not None:
            word = found[1].lower()
            return "val" if word.startswith("val") else word
    return ""
