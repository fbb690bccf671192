"""Tiles of one large image in train and val: neighbours show the same ground, and share pixels where they overlap."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segcli.data.fingerprint.images import evenly
from segcli.data.image import read_image
from segcli.data.samples import Split
from segcli.data.suffixes import stem_and_suffix
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.rules import finding
from segcli.steps.check.split_by_pattern import split_by_pattern

PATTERN = r"([^/]*?)[_-]+[a-zA-Z]*[0-9]+[_-]+[a-zA-Z]*[0-9]+[.]"
"""Finds the image that a tile was cut from in its name: `scene_0_512.png`, `scene-x3-y4.tif`."""
_TILE = re.compile(r"(?P<source>.*?)[_-]+[a-zA-Z]*(?P<first>\d{1,6})[_-]+[a-zA-Z]*(?P<second>\d{1,6})")
_FEWEST_TILES = 4
_LEAST_FULL = 0.5
"""Share of the places of a grid that tiles have at least: days and times of day, for example, are no grid."""
_COMPARED, _LEAST_NEARER = 24, 0.9
"""Neighbours that are compared, and the share of them that must be nearer to each other than to another tile."""
_CONTINUES = 0.75
"""Mean distance of neighbours, see `_distance`, in multiples of that of other tiles of the same image."""
_LEAST_LEVELS = 2.0
"""Distance in grey levels of other tiles from which neighbours can be told."""

Place = tuple[int, int]
Grey = NDArray[np.float32]


@dataclass(frozen=True)
class _Tile:
    path: str
    split: Split


Grid = Mapping[Place, _Tile]


def tiles_in_both(
    images: Mapping[Split, Iterable[str]], rule: str, root: Path, *, can_split: bool
) -> Iterator[Finding]:
    """One finding on the large images whose tiles are in both splits, if pixels show that they are such.

    Args:
        images: The images of each split.
        rule: Id of the rule.
        root: The dataset.
        can_split: Whether `segcli split` can split it anew.
    """
    grids = _grids(images)
    in_both = {source: grid for source, grid in grids.items() if len({tile.split for tile in grid.values()}) > 1}
    if not in_both or not _continue_each_other(list(in_both.values())):
        return
    source, grid = next(iter(in_both.items()))
    in_train = sum(tile.split is Split.TRAIN for tile in grid.values())
    tiles = sum(map(len, in_both.values()))
    message = (
        f"{counted(tiles, 'image')} are neighbouring tiles of {counted(len(in_both), 'larger image')} in both splits, "
        f"such as {source}: {in_train} in train, {len(grid) - in_train} in val"
    )
    can_split = can_split and len(grids) > 1
    hint = f"{split_by_pattern(root, PATTERN)} keeps the tiles of an image in one split" if can_split else None
    yield finding(rule, str(root), message, hint=hint)


def _grids(images: Mapping[Split, Iterable[str]]) -> dict[str, Grid]:
    """The tiles of each large image by both numbers of their names, where these fill a grid."""
    found: dict[tuple[Path, str], dict[Place, _Tile]] = defaultdict(dict)
    for split, paths in images.items():
        for path in paths:
            match = _TILE.fullmatch(stem_and_suffix(path)[0])
            if match is not None:
                # the folder of a split says nothing of the image
                place = int(match["first"]), int(match["second"])
                found[Path(path).parent.parent, match["source"]][place] = _Tile(path, split)
    return {source: grid for (_, source), grid in found.items() if _fills_a_grid(list(grid))}


def _fills_a_grid(places: Sequence[Place]) -> bool:
    sides = [len({place[axis] for place in places}) for axis in (0, 1)]
    return len(places) >= _FEWEST_TILES and min(sides) > 1 and len(places) >= _LEAST_FULL * sides[0] * sides[1]


def _continue_each_other(grids: Sequence[Grid]) -> bool:
    """Whether neighbours show the same pixels, or go on from each other, along both numbers.

    Frames of numbered videos, or slices of numbered volumes, do so along one of them only.
    """
    return any(
        _agree(grids, 0, first_along_x) and _agree(grids, 1, not first_along_x) for first_along_x in (True, False)
    )


def _agree(grids: Sequence[Grid], axis: int, along_x: bool) -> bool:
    """Compares tiles whose numbers differ in one place, as neighbours along x or along y, with another of the image."""
    own, others = [], []
    for paths in _neighbours(grids, axis):
        tiles = [tile for tile in (_pixels(path, along_x) for path in paths) if tile is not None]
        if len(tiles) == len(paths) and len({tile.shape[0] for tile in tiles}) == 1:
            own.append(_distance(tiles[0], tiles[1]))
            others.append(_distance(tiles[0], tiles[2]))
    if len(own) < _FEWEST_TILES or np.mean(others) < _LEAST_LEVELS:
        return False
    nearer = float(np.mean([one < other for one, other in zip(own, others, strict=True)]))
    return nearer >= _LEAST_NEARER and float(np.mean(own)) <= _CONTINUES * float(np.mean(others))


def _distance(one: Grey, other: Grey) -> float:
    """Mean difference in grey levels from the last column of a tile to the column of another that is nearest to it."""
    return float(np.abs(other - one[:, -1:]).mean(axis=0).min())


def _neighbours(grids: Sequence[Grid], axis: int) -> Iterator[tuple[str, str, str]]:
    """Two tiles one step apart and one further away, a few times of each of the first grids."""
    for grid in grids[:_COMPARED]:
        places = sorted(grid)
        after = dict(pairwise(sorted({place[axis] for place in places})))
        found = []
        for number, (first, second) in enumerate(places):
            beside = (after.get(first, -1), second) if axis == 0 else (first, after.get(second, -1))
            far = places[(number + len(places) // 2) % len(places)]
            if beside in grid and far not in (beside, (first, second)):
                found.append((grid[first, second].path, grid[beside].path, grid[far].path))
        yield from evenly(found, max(_COMPARED // len(grids), 1))


def _pixels(path: str, along_x: bool) -> Grey | None:
    """An image in grey, [H, W], or [W, H] where neighbours lie below each other; None where it cannot be read."""
    try:
        red, green, blue = np.moveaxis(read_image(path), 2, 0)
    except InputError:  # another rule reports it
        return None
    # NumPy's mean over the last axis goes from pixel to pixel
    grey = np.asarray((np.add(red, green, dtype=np.float32) + blue) / 3, np.float32)
    return grey if along_x else grey.T
