"""Objects of large images from overlapping tiles: pieces on both sides of a seam become one object again.

Two tiles contain the same pixels where they overlap. Objects of one class that both found there are the same object:
pieces that continue beyond the overlap are joined, a piece that the other tile contains whole is dropped, and of two
whole ones the one with the better score stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import SlidingWindowConfig
from segcli.data import rle
from segcli.data.detections import Detections
from segcli.data.image import RgbImage
from segcli.data.windows import Rect, Windows
from segcli.inference.tiles import tile_starts

SAME = 0.5
"""Smallest share of common pixels, in the overlap of two tiles, at which two pieces are the same object."""
_INSIDE = 0.9
"""Smallest share of a piece's pixels inside the overlap at which it counts as ending there."""
_EDGE = 0.01
"""Distance from a tile's edge, as share of its side, within which a mask touches the edge: networks stop just short."""

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Piece:
    """The part of an object that lies in one tile.

    Attributes:
        tile: The tile, in pixels of the image.
        rect: The bounding rectangle of its mask, in pixels of the image.
        bits: The mask inside `rect`, row by row, eight pixels per byte.
        score: Score of the network, 0 to 1.
        class_id: The class.
        box: Left, top, right, bottom in pixels of the image; None if the network returns none.
    """

    tile: Rect
    rect: Rect
    bits: Bits
    score: float
    class_id: int
    box: tuple[float, float, float, float] | None

    @property
    def mask(self) -> Bits:
        """Its pixels, uint8 [h, w] of 0 and 1."""
        count = self.rect.height * self.rect.width
        return np.unpackbits(self.bits, count=count).reshape(self.rect.height, self.rect.width)

    def inside(self, rect: Rect) -> Bits:
        """Its mask inside a rectangle of the image; empty if they do not overlap."""
        common = self.rect.common(rect)
        return self.mask[common.within(self.rect)] if common is not None else np.zeros((0, 0), np.uint8)

    def is_cut_by(self, other: Rect) -> bool:
        """Whether it touches an edge of its tile that lies inside another tile."""
        tile, rect = self.tile, self.rect
        across, down = max(2, round(_EDGE * tile.width)), max(2, round(_EDGE * tile.height))
        return (
            (other.left < tile.right < other.right and rect.right >= tile.right - across)
            or (other.left < tile.left < other.right and rect.left <= tile.left + across)
            or (other.top < tile.bottom < other.bottom and rect.bottom >= tile.bottom - down)
            or (other.top < tile.top < other.bottom and rect.top <= tile.top + down)
        )


def objects_tiled(find: Callable[[RgbImage], Detections], image: Windows, window: SlidingWindowConfig) -> Detections:
    """The objects of an image from overlapping tiles, merged across the seams, best first.

    Args:
        find: Finds the objects of one tile.
        image: The image.
        window: Size of the tiles and stride between them.
    """
    height, width = image.size
    crop_width, crop_height = min(window.crop_size[0], width), min(window.crop_size[1], height)
    merger = ObjectMerger((height, width))
    for top in tile_starts(height, crop_height, window.stride[1]):
        for left in tile_starts(width, crop_width, window.stride[0]):
            tile = Rect(left, top, left + crop_width, top + crop_height)
            merger.add(tile, find(image.read(tile)))
    return merger.objects()


@dataclass
class ObjectMerger:
    """Merges the objects of tiles into those of the image.

    Attributes:
        size: Height and width of the image.
    """

    size: tuple[int, int]
    _rows: dict[tuple[int, int], list[tuple[Rect, list[int]]]] = field(default_factory=dict)
    """Tiles and their pieces, by first row of pixels and the row after the last: far tiles are not even looked at."""
    _pieces: list[Piece] = field(default_factory=list)
    _leaders: list[int] = field(default_factory=list)
    _hidden: set[int] = field(default_factory=set)
    """Pieces that are replaced by a better one."""

    def add(self, tile: Rect, found: Detections) -> None:
        """Adds the objects found in a tile; tiles may come in any order."""
        fresh = list(range(len(self._pieces), len(self._pieces) + len(found.masks)))
        pieces = list(_pieces(tile, found))
        fresh = fresh[: len(pieces)]
        self._pieces += pieces
        self._leaders += fresh
        for (top, bottom), row in self._rows.items():
            if top >= tile.bottom or bottom <= tile.top:
                continue
            for other, numbers in row:
                zone = tile.common(other)
                if zone is not None:
                    self._join(zone, numbers, fresh)
        self._rows.setdefault((tile.top, tile.bottom), []).append((tile, fresh))

    def objects(self) -> Detections:
        """The objects of the image, best first."""
        groups: dict[int, list[int]] = {}
        for number in range(len(self._pieces)):
            groups.setdefault(self._leader(number), []).append(number)
        whole = [self._whole(members) for members in groups.values()]
        whole.sort(key=lambda piece: -piece.score)
        height, width = self.size
        masks = [rle.encode_crop(one.mask, one.rect.left, one.rect.top, height, width) for one in whole]
        boxes = [piece.box for piece in whole if piece.box is not None]
        return Detections(
            np.array([piece.score for piece in whole], np.float32),
            np.array([piece.class_id for piece in whole], np.int64),
            masks,
            np.array(boxes, np.float64).reshape(-1, 4) if len(boxes) == len(whole) and whole else None,
        )

    def _join(self, zone: Rect, earlier: Iterable[int], later: Iterable[int]) -> None:
        """Matches the pieces of two tiles in their overlap `zone`, best scores first.

        Pieces that continue beyond it are joined in pairs only, so that a weak detection cannot extend a good one.
        """
        near = [number for number in later if self._pieces[number].rect.common(zone) is not None]
        pairs = [
            (first, second)
            for first in earlier
            if near and self._pieces[first].rect.common(zone) is not None
            for second in near
            if self._are_same(first, second, zone)
        ]
        pairs.sort(key=lambda pair: -min(self._pieces[number].score for number in pair))
        joined: set[int] = set()
        for first, second in pairs:
            weaker = self._weaker(first, second, zone)
            if weaker is not None:
                self._hidden.add(weaker)
            elif first in joined or second in joined:
                continue
            else:
                joined |= {first, second}
            self._leaders[self._leader(second)] = self._leader(first)

    def _are_same(self, first: int, second: int, zone: Rect) -> bool:
        """Whether two pieces are the same object, by the pixels that both tiles contain."""
        one, other = self._pieces[first], self._pieces[second]
        both = one.rect.common(other.rect) if one.class_id == other.class_id else None
        both = None if both is None else both.common(zone)
        if both is None:
            return False
        common = int((one.inside(both) & other.inside(both)).sum())
        least, most = sorted((int(one.inside(zone).sum()), int(other.inside(zone).sum())))
        is_cut = one.is_cut_by(other.tile) or other.is_cut_by(one.tile)
        return common > 0 and common >= SAME * (least if is_cut else least + most - common)

    def _weaker(self, first: int, second: int, zone: Rect) -> int | None:
        """Which of two pieces of an object can be dropped for the other; None if both are needed."""
        one, other = self._pieces[first], self._pieces[second]
        cut = one.is_cut_by(other.tile), other.is_cut_by(one.tile)
        if not any(cut):
            return first if one.score < other.score else second
        if all(cut):
            return None
        number = first if cut[0] else second
        piece = self._pieces[number]
        return number if piece.inside(zone).sum() >= _INSIDE * piece.mask.sum() else None

    def _whole(self, members: Sequence[int]) -> Piece:
        """The object composed of its pieces, with their best score."""
        shown = [self._pieces[number] for number in members if number not in self._hidden]
        shown = shown or [max((self._pieces[number] for number in members), key=lambda piece: piece.score)]
        if len(shown) == 1:
            return shown[0]
        rect = Rect.around([piece.rect for piece in shown])
        mask = np.zeros((rect.height, rect.width), np.uint8)
        for piece in shown:
            mask[piece.rect.within(rect)] |= piece.mask
        boxes = np.array([piece.box for piece in shown if piece.box is not None])
        box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()) if len(boxes) else None
        score = max(piece.score for piece in shown)
        return replace(shown[0], rect=rect, bits=np.packbits(mask), score=score, box=box)

    def _leader(self, number: int) -> int:
        while self._leaders[number] != number:
            self._leaders[number] = self._leaders[self._leaders[number]]
            number = self._leaders[number]
        return number


def _pieces(tile: Rect, found: Detections) -> Iterator[Piece]:
    """The objects of a tile in pixels of the image, without empty ones."""
    boxes = found.boxes if found.boxes is not None else [None] * len(found.masks)
    for code, score, class_id, box in zip(found.masks, found.scores, found.classes, boxes, strict=True):
        crop = rle.decode_crop(code)
        if crop is None:
            continue
        mask, x, y = crop
        rect = Rect(tile.left + x, tile.top + y, tile.left + x + mask.shape[1], tile.top + y + mask.shape[0])
        edges = None
        if box is not None:
            x0, y0, x1, y1 = (float(side) for side in box)
            edges = (x0 + tile.left, y0 + tile.top, x1 + tile.left, y1 + tile.top)
        yield Piece(tile, rect, np.packbits(mask), float(score), int(class_id), edges)
