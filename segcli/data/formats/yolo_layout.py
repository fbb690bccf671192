"""Locations of the files of a YOLO dataset: from `data.yaml`, or `images/` and `labels/` beside `classes.txt`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from segcli.data.files import is_dir, is_file, read_bytes
from segcli.data.lists import LONGEST_LINE, read_text_file
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import entries, files_below

_NAME_FILES = ("classes.txt", "obj.names")
_KEYS = {Split.TRAIN: ("train",), Split.VAL: ("val", "valid", "validation")}


@dataclass(frozen=True)
class YoloLayout:
    """Locations of the files of a dataset.

    Attributes:
        root: Its folder.
        file: The file that names the classes.
        names: Names by id.
        images: Images per split, in order; a single entry None where there are no splits.
        unused: Splits that are named but not used, such as `test`.
        stated_classes: Number of classes that `nc` gives; None where there is none.
        has_keypoints: Whether the labels are those of a pose model, which hold boxes and key points.
        missing: Paths of splits that are not there, so that all images of the folder are taken.
        stated: Paths of each split, as written.
    """

    root: Path
    file: Path
    names: Mapping[int, str]
    images: Mapping[Split | None, tuple[Path, ...]]
    unused: tuple[str, ...] = ()
    stated_classes: int | None = None
    has_keypoints: bool = False
    missing: tuple[str, ...] = ()
    stated: Mapping[Split | None, Sequence[str]] = field(default_factory=dict)


def find_yolo(folder: Path) -> Path | None:
    """Finds `data.yaml`, or `classes.txt` beside `labels/`, in a folder or one below it; None where there is none."""
    for place in (folder, *_folders(folder)):
        for path in sorted((*place.glob("*.yaml"), *place.glob("*.yml")), key=lambda path: path.stem != "data"):
            if _description(path) is not None:
                return path
        for name in _NAME_FILES:
            if is_file(place / name) and is_dir(place / "labels"):
                return place / name
    return None


def yolo_layout(file: Path) -> YoloLayout:
    """Returns the layout described by the file that `find_yolo` found."""
    values = _description(file)
    if values is None:
        names = {number: line for number, (_, line) in enumerate(read_text_file(file).lines)}
        return YoloLayout(file.parent, file, names, _parts_of(file.parent / "images"))
    images: dict[Split | None, tuple[Path, ...]] = {}
    written: dict[Split | None, list[str]] = {}
    for split, keys in _KEYS.items():
        stated = next((values[key] for key in keys if values.get(key)), None)
        if stated is not None:
            written[split] = [str(entry) for entry in (stated if isinstance(stated, list) else [stated])]
            images[split] = tuple(image for entry in written[split] for image in _images(file, values, entry))
    train, val = (images.get(split) for split in Split)
    if len(images) == 1:
        images, written = {None: next(iter(images.values()))}, {None: next(iter(written.values()))}
    missing: tuple[str, ...] = ()
    if train and train == val and written[Split.TRAIN] != written[Split.VAL]:
        stated = tuple(entry for entries_of_split in written.values() for entry in entries_of_split)
        if all(_stated(file, _base(values), entry) is None for entry in stated):  # both paths lead to a folder above
            images, missing = {None: train}, stated
    return YoloLayout(
        file.parent,
        file,
        _names(values["names"]),
        images,
        unused=tuple(key for key in ("test",) if values.get(key)),
        stated_classes=values["nc"] if type(values.get("nc")) is int else None,
        has_keypoints="kpt_shape" in values,
        missing=missing,
        stated=written,
    )


def label_file(image: Path) -> Path:
    """The label file of an image: the last folder `images` in its path is replaced by `labels`."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _description(path: Path) -> Mapping[str, Any] | None:
    """The content of a YOLO `data.yaml`; None when the file is something else."""
    from yaml import YAMLError

    from segcli.data.yaml_nodes import load_yaml

    try:
        values = load_yaml(read_bytes(path))
    except (OSError, YAMLError, ValueError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get("names"), list | dict):
        return None
    return values if any(values.get(key) for keys in _KEYS.values() for key in keys) else None


def _names(values: Sequence[Any] | Mapping[Any, Any]) -> dict[int, str]:
    pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
    return {int(number): str(name) for number, name in pairs if str(number).isdecimal()}


def _images(file: Path, values: Mapping[str, Any], entry: str) -> Iterator[Path]:
    """The images of an entry: a folder, a list of images, or one image."""
    place = _place(file, _base(values), entry)
    if place is None:
        return
    if is_dir(place):
        yield from files_below(place, IMAGE_SUFFIXES)
    elif place.suffix == ".txt":
        for _, line in read_text_file(place).lines:
            found = _place(file, _base(values), line)
            yield found or file.parent / line
    else:
        yield place


def _base(values: Mapping[str, Any]) -> str:
    return str(values.get("path") or "")


def _place(file: Path, base: str, entry: str) -> Path | None:
    """The path of an entry: as stated, or below the folder of the file, for a dataset that was moved."""
    there = _stated(file, base, entry)
    if there is not None or len(entry) > LONGEST_LINE:
        return there
    below = _below(entry)
    return _first_existing(file.parent / Path(*below[start:]) for start in range(1, len(below)))


def _stated(file: Path, base: str, entry: str) -> Path | None:
    """The path of an entry as it is written, from the folder of the file or its `path`; None where there is none.

    Roboflow writes `../train/images` for a folder beside the file: that folder is taken before one of another dataset.
    """
    if len(entry) > LONGEST_LINE:
        return None
    written, below = entry.replace("\\", "/"), _below(entry)
    places = [file.parent / base / written, file.parent / written, file.parent / Path(*below)]
    if PurePosixPath(written).parts[:1] == ("..",) and not base:
        places.insert(0, file.parent / Path(*below))
    return _first_existing(places) or _in_other_case(file.parent, below)


def _below(entry: str) -> list[str]:
    return [part for part in PurePosixPath(entry.replace("\\", "/")).parts if part not in ("..", ".", "/")]


def _first_existing(places: Iterable[Path]) -> Path | None:
    return next((place for place in places if os.path.exists(place)), None)  # noqa: PTH110 - raises for no name


def _in_other_case(folder: Path, below: Sequence[str]) -> Path | None:
    """A path below a folder whose names differ in case only, as on a disk that does not tell them apart."""
    for name in below:
        found = next((path for path in entries(folder) if path.name.casefold() == name.casefold()), None)
        if found is None:
            return None
        folder = found
    return folder


def _parts_of(images: Path) -> dict[Split | None, tuple[Path, ...]]:
    """Images of `images/train` and `images/val`; those of one of them alone, or else all, without split.

    Images of a folder beside them, such as `images/test`, are left out.
    """
    parts: dict[Split | None, tuple[Path, ...]] = {}
    for split, names in _KEYS.items():
        folder = next((images / name for name in names if is_dir(images / name)), None)
        if folder is not None:
            parts[split] = tuple(files_below(folder, IMAGE_SUFFIXES))
    if len(parts) == 1:
        return {None: next(iter(parts.values()))}
    return parts or {None: tuple(files_below(images, IMAGE_SUFFIXES))}


def _folders(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_dir(path) and not path.name.startswith(".")]
