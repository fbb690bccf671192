"""Predicts large images in overlapping tiles, in memory that does not grow with their height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import SlidingWindowConfig
from segcli.data.image import Labels, RgbImage
from segcli.data.windows import ArrayWindows, Rect, Windows
from segcli.inference.activation import PLAIN, Activation
from segcli.inference.decode_labels import argmax, inside, network_inputs, require_logits, resize_logits
from segcli.inference.entropy import entropy_map
from segcli.inference.label_scores import LabelScores, label_scores, sampled_places
from segcli.inference.mirrored import MirroredWindows, mirrored_length
from segcli.inference.preprocess import Forward, NetworkInput
from segcli.models.spec import Preprocess

Blend = Literal["uniform", "ramp"]
"""How overlapping tiles are weighted: equally (PaddleSeg's sliding window), or less towards a tile's border."""
_BAND_BYTES = 384 << 20
"""Limit for the sums of logits of one band; with 19 classes and tiles of 1024 px these are 5,000 columns."""


class Band(Protocol):
    """As many rows of a label map as a tile is high, computed from the summed logits of tiles."""

    def add(
        self,
        tiles: NetworkInput,
        used: tuple[int, int],
        lefts: Sequence[int],
        size: tuple[int, int],
        weight: NDArray[np.float32] | None,
    ) -> None:
        """Adds tiles in the same rows.

        Args:
            tiles: The network's input for the tiles.
            used: Height and width of the part of the input that is not padding.
            lefts: First column of each tile in the band.
            size: Height and width of each tile in the image.
            weight: Weight of each pixel, [height, width]; None weights all equally.
        """

    def take(self, rows: int) -> Labels:
        """The label map of the first rows, uint8, which no later tile reaches; the other rows move up."""

    def take_sums(self, rows: int) -> NDArray[np.float32]:
        """The sums of the first rows, float32 [classes, rows, W]; the other rows move up."""


@runtime_checkable
class GivesBand(Protocol):
    """A network that sums the logits of tiles on its device."""

    def band(self, height: int, width: int) -> Band:
        """A band of zeros."""


def tile_starts(length: int, crop: int, stride: int) -> list[int]:
    """First pixels of the tiles along one side; the last tile ends at the border and overlaps more (PaddleSeg's rule).

    Runnable example::

        >>> tile_starts(10, 4, 3)
        [0, 3, 6]
        >>> tile_starts(3, 4, 3)
        [0]
    """
    if length <= crop:
        return [0]
    count = -(-(length - crop) // stride) + 1
    return [min(index * stride, length - crop) for index in range(count)]


class TileSettings(NamedTuple):
    """How an image is predicted in tiles.

    Attributes:
        preprocess: How images become the network's input.
        window: Size of the tiles and stride between them.
        blend: How overlapping tiles are weighted.
        batch_size: Tiles per batch.
        input_size: Height and width that the network needs; None resizes the tiles as `preprocess` says.
        classes: Upper bound of the network's number of classes; limits the width of bands.
    """

    preprocess: Preprocess
    window: SlidingWindowConfig
    blend: Blend = "uniform"
    batch_size: int = 1
    input_size: tuple[int, int] | None = None
    classes: int = 256


def label_map_tiled(forward: Forward, image: RgbImage | Windows, settings: TileSettings, *, into: Any = None) -> Any:
    """The label map of one image from overlapping tiles.

    Logits of overlapping tiles are summed, with weights; dividing by the sum of weights would not change which class is
    largest. Only the rows that a later tile can still reach are kept: classes x crop height x width floats,
    whatever the height of the image. A wide image is split into bands of columns; tiles at their seams run twice.

    Args:
        forward: The network; must return logits.
        image: RGB, uint8 [H, W, 3], or a source that is read in windows.
        settings: How it is cut into tiles.
        into: Receives the label map part by part, such as a `LabelStore`; None allocates an array.

    Returns:
        uint8 [H, W], or `into`.
    """
    source = ArrayWindows(image) if isinstance(image, np.ndarray) else image
    labels = np.empty(source.size, np.uint8) if into is None else into
    for part in _Tiles(forward, source, settings).parts():
        found = part.band.take(part.taken)
        if part.is_seen:
            labels[part.rows, part.columns] = found[: part.height, part.inner]
    return labels


def scored_map_tiled(
    forward: Forward,
    image: RgbImage,
    settings: TileSettings,
    *,
    activation: Activation = PLAIN,
    entropy: Labels | None = None,
) -> LabelScores:
    """The label map of `label_map_tiled` and its confidence, from the mean outputs of the tiles.

    Args:
        forward: See `label_map_tiled`, also for the other arguments.
        activation: See `label_scores`.
        entropy: Receives the entropy, see `entropy_map`; None where it is not wanted.

    Raises:
        WeightsError: The model returns label maps only.
    """
    height, width = image.shape[:2]
    labels, confidence = np.empty((height, width), np.uint8), np.empty((height, width), np.float32)
    places = sampled_places(height * width)
    row, column = np.divmod(places, width)
    sampled: NDArray[np.float32] | None = None
    tiling = _Tiles(forward, ArrayWindows(image), settings)
    for part, outputs in tiling.outputs():
        rows, columns = outputs.shape[1:]
        found = label_scores(outputs, rows, columns, activation)
        labels[part.rows, part.columns], confidence[part.rows, part.columns] = found.labels, found.confidence
        if entropy is not None:
            entropy[part.rows, part.columns] = entropy_map(outputs, rows, columns, activation)
        sampled = np.empty((len(places), len(outputs)), np.float32) if sampled is None else sampled
        inside_part = (row >= part.rows.start) & (row < part.rows.stop)
        inside_part &= (column >= part.columns.start) & (column < part.columns.stop)
        chosen = outputs[:, row[inside_part] - part.rows.start, column[inside_part] - part.columns.start]
        sampled[inside_part] = activation.logits(chosen.T)
    assert sampled is not None
    return LabelScores(labels, confidence, places, sampled)


def graded_map_tiled(
    forward: Forward,
    image: Windows,
    settings: TileSettings,
    into: GradedMaps,
    *,
    activation: Activation = PLAIN,
) -> None:
    """Like `scored_map_tiled`, for an image that is read in windows: the maps are written part by part.

    Raises:
        WeightsError: The model returns label maps only.
    """
    tiling = _Tiles(forward, image, settings)
    for part, outputs in tiling.outputs():
        place, (rows, columns) = (part.rows, part.columns), outputs.shape[1:]
        found = label_scores(outputs, rows, columns, activation)
        into.labels[place] = found.labels
        if into.confidence is not None:
            into.confidence[place] = np.rint(found.confidence * 255).astype(np.uint8)
        if into.entropy is not None:
            into.entropy[place] = entropy_map(outputs, rows, columns, activation)


class GradedMaps(NamedTuple):
    """Where the maps of an image go part by part, such as a `LabelStore` each; all are uint8 [H, W].

    Attributes:
        labels: The label map.
        confidence: Probability of the label, 255 is 1; None where it is not wanted.
        entropy: See `entropy_map`; None where it is not wanted.
    """

    labels: Any
    confidence: Any = None
    entropy: Any = None


class _Part(NamedTuple):
    """Rows and columns of an image that no later tile reaches.

    Attributes:
        rows: Rows of the image, without mirrored ones beyond its border.
        columns: Columns of the image, likewise.
        band: Holds the sums of these rows as its first rows.
        taken: Number of rows to take from the band.
        inner: The columns as a slice of the band.
        weights: Sum of the weights of the tiles at each pixel, float32 [rows, columns].
    """

    rows: slice
    columns: slice
    band: Band
    taken: int
    inner: slice
    weights: NDArray[np.float32]

    @property
    def height(self) -> int:
        """Number of rows of the image."""
        return int(self.rows.stop - self.rows.start)

    @property
    def is_seen(self) -> bool:
        """Whether any of it lies in the image."""
        return self.height > 0 and bool(self.columns.stop > self.columns.start)


class _Tiles(NamedTuple):
    """An image that is predicted in tiles; see `label_map_tiled`."""

    forward: Forward
    source: Windows
    settings: TileSettings

    def parts(self) -> Iterator[_Part]:
        """The parts; the caller must take each from its band before requesting the next."""
        true_height, true_width = self.source.size
        settings, window = self.settings, self.settings.window
        crop_width, crop_height = min(window.crop_size[0], true_width), min(window.crop_size[1], true_height)
        source = self._continued((crop_height, crop_width))
        height, width = source.size
        columns = tile_starts(width, crop_width, window.stride[0])
        weight = _weight(crop_height, crop_width, settings.blend)
        forward = self.forward
        makes_band = forward.band if isinstance(forward, GivesBand) else partial(_HostBand, forward)
        most = max(1, _BAND_BYTES // (4 * settings.classes * crop_height))
        for first, after in _bands(columns, width, crop_width, most):
            starts = [left for left in columns if left < after and left + crop_width > first]
            span = starts[-1] + crop_width - starts[0]
            band: Band = makes_band(crop_height, span)
            end = max(first, min(after, true_width))
            inner = slice(first - starts[0], end - starts[0])
            weights = np.zeros((crop_height, span), np.float32)
            rows = tile_starts(height, crop_height, window.stride[1])
            for top, following in zip(rows, [*rows[1:], height], strict=True):
                self._add(source, band, top, starts, (crop_height, crop_width), weight)
                for left in starts:
                    weights[:, left - starts[0] : left - starts[0] + crop_width] += 1 if weight is None else weight
                taken, last = following - top, max(top, min(following, true_height))
                shown = weights[: last - top, inner]
                yield _Part(slice(top, last), slice(first, end), band, taken, inner, shown)
                weights = np.concatenate([weights[taken:], np.zeros((taken, span), np.float32)])

    def outputs(self) -> Iterator[tuple[_Part, NDArray[np.float32]]]:
        """The parts that lie in the image, with the mean outputs of the tiles [classes, rows, columns]."""
        for part in self.parts():
            sums = part.band.take_sums(part.taken)
            if part.is_seen:
                yield part, sums[:, : part.height, part.inner] / part.weights

    def _continued(self, crop: tuple[int, int]) -> Windows:
        """The image, extended by mirroring if `window.border` is `mirror`."""
        if self.settings.window.border != "mirror":
            return self.source
        longer = (
            mirrored_length(*sides)
            for sides in zip(self.source.size, crop, self.settings.window.stride[::-1], strict=True)
        )
        height, width = longer
        return MirroredWindows(self.source, (height, width))

    def _add(  # noqa: PLR0917
        self,
        source: Windows,
        band: Band,
        top: int,
        starts: Sequence[int],
        size: tuple[int, int],
        weight: NDArray[np.float32] | None,
    ) -> None:
        """Adds all tiles of some rows to a band."""
        for start in range(0, len(starts), self.settings.batch_size):
            lefts = starts[start : start + self.settings.batch_size]
            rects = [Rect(left, top, left + size[1], top + size[0]) for left in lefts]
            images = [source.read(rect) for rect in rects]
            inputs, used, _ = network_inputs(images, self.settings.preprocess, self.settings.input_size)
            band.add(inputs, used, [left - starts[0] for left in lefts], size, weight)


def _bands(columns: Sequence[int], width: int, crop_width: int, most: int) -> Iterator[tuple[int, int]]:
    """First column of each band of a label map and the one after its last; with its tiles it spans about `most`."""
    first = 0
    while first < width:
        starts = [left for left in columns if left > first and left + crop_width - first <= most]
        after = width if width - first <= most or columns[-1] <= first else max(starts, default=0)
        # at least one stride, even if the limit is narrower
        after = after or next((left for left in columns if left > first), width)
        yield first, after
        first = after


class _HostBand:
    """Sums in the CPU's memory; see `Band`."""

    def __init__(self, forward: Forward, height: int, width: int) -> None:
        self._forward = forward
        self._size = height, width
        self._sums: NDArray[np.float32] | None = None

    def add(
        self,
        tiles: NetworkInput,
        used: tuple[int, int],
        lefts: Sequence[int],
        size: tuple[int, int],
        weight: NDArray[np.float32] | None,
    ) -> None:
        """See `Band`."""
        for left, output in zip(lefts, require_logits(self._forward(tiles)), strict=True):
            rows, columns = inside(output.shape[-2:], used, (tiles.shape[-2], tiles.shape[-1]))
            logits = resize_logits(output[:, :rows, :columns], *size)
            if self._sums is None:
                self._sums = np.zeros((len(logits), *self._size), np.float32)
            self._sums[:, :, left : left + size[1]] += logits if weight is None else logits * weight

    def take(self, rows: int) -> Labels:
        """See `Band`."""
        assert self._sums is not None
        labels = argmax(self._sums[:, :rows])
        self._move_up(rows)
        return labels

    def take_sums(self, rows: int) -> NDArray[np.float32]:
        """See `Band`."""
        assert self._sums is not None
        sums = self._sums[:, :rows].copy()
        self._move_up(rows)
        return sums

    def _move_up(self, rows: int) -> None:
        assert self._sums is not None
        kept = self._size[0] - rows
        self._sums[:, :kept] = self._sums[:, rows:].copy()
        self._sums[:, kept:] = 0


def _weight(height: int, width: int, blend: Blend) -> NDArray[np.float32] | None:
    if blend == "uniform":
        return None
    weight: NDArray[np.float32] = np.minimum(_ramp(height)[:, None], _ramp(width)[None, :])
    return weight


def _ramp(length: int) -> NDArray[np.float32]:
    """Weights that rise from the border to 1 at a quarter of the tile, and are never 0."""
    distance = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1.0
    return np.asarray(np.minimum(distance / max(1.0, length / 4), 1.0), np.float32)
