"""Locations of the files of a SegDataset: lists, or two folders of images and masks paired by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from segcli.data.files import is_dir, is_file
from segcli.data.samples import Split
from segcli.data.suffixes import IMAGE_SUFFIXES, MASK_SUFFIXES, stem_and_suffix
from segcli.data.walk import entries, files_below, folders
from segcli.plurals import listed

Pair = tuple[Path, Path]
"""An image and its mask."""

IMAGE_FOLDERS = ("images", "imgs", "image", "img", "img_dir", "leftimg8bit")
MASK_FOLDERS = ("annotations", "masks", "labels", "mask", "label", "ann_dir", "gt", "gtfine")
"""Names in any case; the last ones are of Cityscapes."""
SPLIT_FOLDERS = {Split.TRAIN: ("train", "training"), Split.VAL: ("val", "valid", "validation")}
TEST_FOLDERS = ("test", "testing")
"""Images there need no masks."""
_OF_KINDS = ("_gtFine_labelTrainIds", "_gtFine_labelIds")
"""Endings of the masks of class ids among those of several kinds that Cityscapes has of an image; the first is used."""
_ENDINGS = (*_OF_KINDS, "_leftImg8bit", "_mask", "-mask", "_label", "_seg", "_gt", "_labelIds")
_DIGITS = "0123456789"
_FEWEST_ALIKE = 3
"""From so many masks, all with an image, names that differ at their beginning or end are paired."""
LISTS = ("train.txt", "val.txt")


def holds_masks(folder: Path) -> bool:
    """Whether a folder, or one below it, has lists, or images and masks that can be paired."""
    if not is_dir(folder):
        return False
    places = [folder, *(below.parent for below in folders(folder) if below.name.lower() in IMAGE_FOLDERS)]
    return any(has_lists(place) or paired_files(place) for place in places)


def has_lists(folder: Path) -> bool:
    """Whether a folder holds the list of a split."""
    return any(is_file(folder / name) for name in LISTS)


def paired_files(root: Path) -> list[Pair]:
    """Images with the masks of the same name, in order; empty where there is no pair.

    Names are paired by their paths below the two folders, without suffix. A mask may end in `_mask` or the like.
    """
    images, masks = _both(root)
    return [(path, masks[name]) for name, path in images.items() if name in masks]


def split_pairs(root: Path) -> dict[Split, list[Pair]]:
    """The pairs of both splits where folders say which belong to which; empty where one split has none.

    The folders of images and masks lie in those of the splits (`train/images`), or the other way round
    (`images/train`).
    """
    found = {split: _pairs_of(root, names) for split, names in SPLIT_FOLDERS.items()}
    return found if all(found.values()) else {}


def training_pairs(root: Path) -> list[Pair]:
    """The pairs of the training folder where there is one for a test but none for validation; else none."""
    if _pairs_of(root, SPLIT_FOLDERS[Split.VAL]) or not _pairs_of(root, TEST_FOLDERS):
        return []
    return _pairs_of(root, SPLIT_FOLDERS[Split.TRAIN])


def _pairs_of(root: Path, names: Sequence[str]) -> list[Pair]:
    """The pairs in the folders of a split, which hold those of images and masks or lie in them."""
    outer = [pair for name in _named(root, names) for pair in paired_files(root / name)]
    folder = _image_folder(root)
    if outer or folder is None:
        return outer
    return [pair for pair in paired_files(root) if pair[0].relative_to(folder).parts[0].lower() in names]


def _named(root: Path, names: Sequence[str]) -> list[str]:
    """The folders in `root` with one of these names, in any case, in the order of the names."""
    there = {path.name.lower(): path.name for path in reversed(entries(root)) if is_dir(path)}
    return [there[name] for name in names if name in there]


def _image_folder(root: Path) -> Path | None:
    return next((root / name for name in _named(root, IMAGE_FOLDERS)), None)


def unpaired_files(root: Path) -> list[Path]:
    """Images without a mask, but for those of a test, and masks without an image, here and in folders of the splits."""
    alone = []
    for place in (root, *(root / name for names in SPLIT_FOLDERS.values() for name in _named(root, names))):
        images, masks = _both(place)
        alone += [path for name, path in images.items() if name not in masks and not _is_test(name)]
        alone += [path for name, path in masks.items() if name not in images]
    return alone


def _is_test(name: str) -> bool:
    return name.partition("/")[0].lower() in TEST_FOLDERS and "/" in name


def _both(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by their common name, from the first mask folder with a pair."""
    folder = _image_folder(root)
    images = {} if folder is None else {_name(path, folder): path for path in files_below(folder, IMAGE_SUFFIXES)}
    for name in _named(root, MASK_FOLDERS) if images else ():
        if root / name != folder:
            masks = {_name(path, root / name): path for path in _of_one_kind(files_below(root / name, MASK_SUFFIXES))}
            if images.keys() & masks.keys():
                return images, masks
            if len(masks) >= _FEWEST_ALIKE:
                alike = _without_common_ends(images), _without_common_ends(masks)
                if alike[1].keys() <= alike[0].keys():
                    return alike
    return {}, {}


def _of_one_kind(masks: list[Path]) -> list[Path]:
    """The masks of class ids, where names tell that there are others of the same images."""
    kinds = ([path for path in masks if path.stem.endswith(ending)] for ending in _OF_KINDS)
    return next(filter(None, kinds), masks)


def _without_common_ends(files: Mapping[str, Path]) -> dict[str, Path]:
    """The files by what is left of their names without the beginning and the end that all of them share.

    `image_01` and `mask_01`, or `0001_L` and `0001`, are then the same; folders are kept. Numbers are kept as a whole:
    `frame_10` to `frame_19` are not `mask_0` to `mask_9`.
    """
    stems = [name.rpartition("/")[2] for name in files]
    start = _common_start(stems)
    end = _common_start([stem[start:][::-1] for stem in stems])
    return {
        name[: len(name) - len(stem)] + stem[start : len(stem) - end]: path
        for (name, path), stem in zip(files.items(), stems, strict=True)
    }


def _common_start(texts: Sequence[str]) -> int:
    """How many characters all texts begin with, up to the digits of a number that differs."""
    equal = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(min(texts), max(texts), strict=False)))
    is_cut = any(text[equal : equal + 1].isdigit() for text in texts)
    return len(texts[0][:equal].rstrip(_DIGITS)) if is_cut else equal


def unlike_names(root: Path) -> tuple[str, str] | None:
    """What is wrong with the names of images and masks that cannot be paired, and what to do; None without either."""
    folder = _image_folder(root)
    images = files_below(folder, IMAGE_SUFFIXES) if folder is not None else []
    place = next((root / name for name in _named(root, MASK_FOLDERS) if root / name != folder), None)
    masks = files_below(place, MASK_SUFFIXES) if place is not None else []
    if not images or not masks or folder is None or place is None:
        return None
    stem = plain_stem(images[0].name)
    own = [mask.name for mask in masks if mask.name.startswith(stem)]
    if len(own) > 1:
        what = f"{images[0].name} has several masks in {place.name}/: {listed(own, 3)}"
        return what, "write one mask per image, of the same name, with 0 for the background and an id for each class"
    what = f"no image in {folder.name}/ and mask in {place.name}/ have the same name, such as {images[0].name}"
    return (
        f"{what} and {masks[0].name}",
        f"name each mask as its image, or write lines such as {folder.name}/A.jpg {place.name}/B.png",
    )


def plain_stem(path: str) -> str:
    """The name of an image or a mask without suffix and without the ending that marks masks."""
    stem, _ = stem_and_suffix(path)
    if stem.endswith(_ENDINGS):
        for ending in _ENDINGS:
            stem = stem.removesuffix(ending)
    return stem


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_name(plain_stem(path.name)).as_posix()
