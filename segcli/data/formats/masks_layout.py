"""Where a SegDataset has its files: lists, or images and masks in two folders that are paired by name."""

from __future__ import annotations

from pathlib import Path

from segcli.data.image import IMAGE_SUFFIXES, MASK_SUFFIXES

IMAGE_FOLDERS = ("images", "imgs", "image")
MASK_FOLDERS = ("annotations", "masks", "labels", "mask", "label")
LISTS = ("train.txt", "val.txt")


def holds_masks(folder: Path) -> bool:
    """Whether a folder, or one below it, has lists of images and masks, or both to be paired."""
    if not folder.is_dir():
        return False
    places = [folder, *(path.parent for path in folder.glob("**/images") if path.is_dir())]
    return any(has_lists(place) or paired_files(place) for place in places)


def has_lists(folder: Path) -> bool:
    """Whether a list of a part lies in a folder."""
    return any((folder / name).is_file() for name in LISTS)


def paired_files(root: Path) -> list[tuple[Path, Path]]:
    """Images with the masks of the same name in the folder of masks, in order; empty where there is no such pair.

    Names are paired by their paths below the two folders, without suffix. A mask may end in `_mask` or the like.
    """
    images = next((root / name for name in IMAGE_FOLDERS if (root / name).is_dir()), None)
    if images is None:
        return []
    for name in MASK_FOLDERS:
        if not (root / name).is_dir():
            continue
        masks = {_name(path, root / name): path for path in _files(root / name, MASK_SUFFIXES)}
        found = [(path, masks.get(_name(path, images))) for path in _files(images, IMAGE_SUFFIXES)]
        pairs = [(image, mask) for image, mask in found if mask is not None]
        if pairs:
            return pairs
    return []


def _files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def _name(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder).with_suffix("")
    stem = relative.name
    for ending in ("_mask", "-mask", "_label", "_seg", "_gt", "_labelIds"):
        stem = stem.removesuffix(ending)
    return relative.with_name(stem).as_posix()
