"""Locations of the files of a YOLO dataset: from `data.yaml`, or `images/` and `labels/` beside `classes.txt`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from segcli.data.files import is_dir, is_file, read_bytes
from segcli.data.lists import LONGEST_LINE, read_text_file
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.walk import entries, files_below
from segcli.data.yaml_nodes import load_yaml

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
    """

    root: Path
    file: Path
    names: Mapping[int, str]
    images: Mapping[Split | None, tuple[Path, ...]]
    unused: tuple[str, ...] = ()


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
    for split, keys in _KEYS.items():
        entries = next((values[key] for key in keys if values.get(key)), None)
        if entries is not None:
            listed = entries if isinstance(entries, list) else [entries]
            images[split] = tuple(image for entry in listed for image in _images(file, values, str(entry)))
    unused = tuple(key for key in ("test",) if values.get(key))
    return YoloLayout(file.parent, file, _names(values["names"]), images, unused)


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
    try:
        values = load_yaml(read_bytes(path))
    except (OSError, yaml.YAMLError, ValueError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get("names"), list | dict):
        return None
    return values if any(values.get(key) for keys in _KEYS.values() for key in keys) else None


def _names(values: Sequence[Any] | Mapping[Any, Any]) -> dict[int, str]:
    pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
    return {int(number): str(name) for number, name in pairs if str(number).isdecimal()}


def _images(file: Path, values: Mapping[str, Any], entry: str) -> Iterator[Path]:
    """The images of an entry: a folder, a list of images, or one image."""
    place = _place(file, str(values.get("path") or ""), entry.replace("\\", "/"))
    if place is None:
        return
    if is_dir(place):
        yield from files_below(place, IMAGE_SUFFIXES)
    elif place.suffix == ".txt":
        for _, line in read_text_file(place).lines:
            found = _place(file, str(values.get("path") or ""), line.replace("\\", "/"))
            yield found or file.parent / line
    else:
        yield place


def _place(file: Path, base: str, entry: str) -> Path | None:
    """The path of an entry: as written, or below the folder of the file, for a dataset that was moved."""
    if len(entry) > LONGEST_LINE:
        return None
    below = [part for part in PurePosixPath(entry).parts if part not in ("..", ".", "/")]
    places = [
        file.parent / base / entry,
        file.parent / entry,
        file.parent / Path(*below),
        *(file.parent / Path(*below[start:]) for start in range(1, len(below))),
    ]
    return next((place for place in places if os.path.exists(place)), None)  # noqa: PTH110 - raises for no name


def _parts_of(images: Path) -> dict[Split | None, tuple[Path, ...]]:
    """Images of `images/train` and `images/val`, else all images without split."""
    parts: dict[Split | None, tuple[Path, ...]] = {}
    for split, names in _KEYS.items():
        folder = next((images / name for name in names if is_dir(images / name)), None)
        if folder is not None:
            parts[split] = tuple(files_below(folder, IMAGE_SUFFIXES))
    if parts:
        return parts
    return {None: tuple(files_below(images, IMAGE_SUFFIXES))}


def _folders(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_dir(path) and not path.name.startswith(".")]
