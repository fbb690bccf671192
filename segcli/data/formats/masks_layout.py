"""Locations of the files of a SegDataset: lists, or two folders of images and masks paired by name."""

from __future__ import annotations

import os
from pathlib import Path

from segcli.data.files import is_dir, is_file
from segcli.data.suffixes import IMAGE_SUFFIXES, MASK_SUFFIXES
from segcli.data.walk import files_below, folders_below

IMAGE_FOLDERS = ("images", "imgs", "image")
MASK_FOLDERS = ("annotations", "masks", "labels", "mask", "label")
_ENDINGS = ("_mask", "-mask", "_label", "_seg", "_gt", "_labelIds")
LISTS = ("train.txt", "val.txt")


def holds_masks(folder: Path) -> bool:
    """Whether a folder, or one below it, has lists, or images and masks that can be paired."""
    if not is_dir(folder):
        return False
    places = [folder, *(below.parent for below, _ in folders_below(folder) if below.name == "images")]
    return any(has_lists(place) or paired_files(place) for place in places)


def has_lists(folder: Path) -> bool:
    """Whether a folder holds the list of a split."""
    return any(is_file(folder / name) for name in LISTS)


def paired_files(root: Path) -> list[tuple[Path, Path]]:
    """Images with the masks of the same name, in order; empty where there is no pair.

    Names are paired by their paths below the two folders, without suffix. A mask may end in `_mask` or the like.
    """
    images, masks = _both(root)
    return [(path, masks[name]) for name, path in images.items() if name in masks]


def unpaired_files(root: Path) -> list[Path]:
    """Images without a mask and masks without an image."""
    images, masks = _both(root)
    alone = [path for name, path in images.items() if name not in masks]
    return alone + [path for name, path in masks.items() if name not in images]


def _both(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by their common name, from the first mask folder with a pair."""
    folder = next((root / name for name in IMAGE_FOLDERS if is_dir(root / name)), None)
    images = {} if folder is None else {_name(path, folder): path for path in files_below(folder, IMAGE_SUFFIXES)}
    for name in MASK_FOLDERS:
        if images and is_dir(root / name):
            masks = {_name(path, root / name): path for path in files_below(root / name, MASK_SUFFIXES)}
            if images.keys() & masks.keys():
                return images, masks
    return {}, {}


def plain_stem(path: str) -> str:
    """The name of an image or a mask without suffix and without the ending that marks masks."""
    name = path.rpartition(os.sep)[2]
    stem, _, suffix = name.rpartition(".")
    if not stem or not suffix:  # as `Path.stem` does
        stem = name
    if stem.endswith(_ENDINGS):
        for ending in _ENDINGS:
            stem = stem.removesuffix(ending)
    return stem


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_name(plain_stem(path.name)).as_posix()
