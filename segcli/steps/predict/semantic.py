"""Predicts label maps with an exported semantic model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from segcli.config.schema import SlidingWindowConfig
from segcli.data.image import Labels, RgbImage
from segcli.data.label_store import LabelStore
from segcli.data.sources import SourceItem
from segcli.data.windows import Windows
from segcli.errors import UsageError
from segcli.inference.activation import Activation
from segcli.inference.augmented import augmented
from segcli.inference.decode_labels import label_maps, logits_of, scored_maps
from segcli.inference.entropy import entropy_map
from segcli.inference.guests.semantic import activation_of
from segcli.inference.label_scores import LabelScores, label_scores
from segcli.inference.preprocess import Forward, GivesLabelsOfRows
from segcli.inference.runtimes.protocol import forward_of
from segcli.inference.tiles import GradedMaps, TileSettings, graded_map_tiled, label_map_tiled, scored_map_tiled
from segcli.steps.predict.exported_predictor import ExportedPredictor
from segcli.steps.predict.large_labels import LargeSegResult
from segcli.steps.predict.semantic_results import SegResult

T = TypeVar("T")
TargetSize = int | tuple[int, int] | None
"""Size to resize an image to, as in PaddleX: a side, (width, height), or -1 or None for its own size."""

SIZE_DIVISOR = 32


@dataclass(frozen=True)
class SemanticPredictor(ExportedPredictor):
    """An opened model; images of different sizes may be mixed.

    Attributes:
        settings: Settings; `target_size`, `sliding_window`, `memory_mb`, `augment` and `confidence` are used here.
    """

    most_classes: ClassVar[int] = 256

    def predict(self, items: Sequence[SourceItem]) -> Iterator[SegResult]:
        """One result for each item that has an image, in order; images of equal size run in one batch."""
        if self._wants_entropy:
            return map(self._with_entropy, (item for item in items if item.windows is not None))
        return self._plain(items)

    def _plain(self, items: Sequence[SourceItem]) -> Iterator[SegResult]:
        images = [item.rgb for item in items if item.rgb is not None]
        found: Iterator[Labels | LabelScores] = iter(
            _in_groups(images, self._score_batch) if self._wants_confidence else self.label(images)
        )
        for item in items:
            if item.rgb is not None:
                one, tiles = next(found), self._tiles_of(item.rgb.shape[:2])
                labels, confidence = (one.labels, one.confidence) if isinstance(one, LabelScores) else (one, None)
                yield SegResult(item, labels, self.classes, tiles, confidence)
            elif item.large is not None:
                yield self._large(item, item.large)

    @property
    def _wants_confidence(self) -> bool:
        return bool(self.settings.confidence) or "confidence" in (self.settings.write or ())

    @property
    def _wants_entropy(self) -> bool:
        return "entropy" in (self.settings.write or ())

    def _with_entropy(self, item: SourceItem) -> SegResult:
        """A result with the entropy."""
        if item.rgb is None:
            (result,) = self._plain([item])
            return result
        height, width = item.rgb.shape[:2]
        window, (forward, activation) = self._tiles_of((height, width)), self._network
        if window is not None:
            entropy = np.empty((height, width), np.uint8)
            settings = self._tile_settings(window)
            found = scored_map_tiled(forward, item.rgb, settings, activation=activation, entropy=entropy)
        else:
            size = self._input_size(item.rgb)
            outputs = logits_of(forward, item.rgb, self.model.preprocess, input_size=size)
            found = label_scores(outputs, height, width, activation)
            entropy = entropy_map(outputs, height, width, activation)
        confidence = found.confidence if self._wants_confidence else None
        return SegResult(item, found.labels, self.classes, window, confidence, entropy=entropy)

    def label(self, images: Sequence[RgbImage]) -> list[Labels]:
        """The label map of each image, uint8 [H, W] in its own size."""
        return _in_groups(images, self._label_batch)

    @property
    def activation(self) -> Activation:
        """How outputs of the model become probabilities."""
        return activation_of(self.model.guest, self.model.temperature)

    @property
    def _network(self) -> tuple[Forward, Activation]:
        views = self.settings.augment
        return augmented(forward_of(self.runtime), views, self.model.input_size, self.activation)

    @property
    def _forward(self) -> Forward:
        return self._network[0]

    def _label_batch(self, images: Sequence[RgbImage]) -> list[Labels]:
        window = self._tiles_of(images[0].shape[:2])
        if window is not None:
            settings = self._tile_settings(window)
            return [label_map_tiled(self._forward, rgb, settings) for rgb in images]
        return [ids for batch, way in self._parts(images) for ids in label_maps(self._forward, batch, **way)]

    def _score_batch(self, images: Sequence[RgbImage]) -> list[LabelScores]:
        window = self._tiles_of(images[0].shape[:2])
        forward, activation = self._network
        if window is not None:
            settings = self._tile_settings(window)
            return [scored_map_tiled(forward, rgb, settings, activation=activation) for rgb in images]
        parts = self._parts(images)
        return [one for batch, way in parts for one in scored_maps(forward, batch, activation=activation, **way)]

    def _parts(self, images: Sequence[RgbImage]) -> Iterator[tuple[Sequence[RgbImage], dict[str, Any]]]:
        """Batches, each with the arguments for its forward pass."""
        limit = self.model.batch_limit or len(images)
        for start in range(0, len(images), limit):
            batch = images[start : start + limit]
            yield batch, {"preprocess": self.model.preprocess, "input_size": self._input_size(batch[0])}

    def _input_size(self, image: RgbImage) -> tuple[int, int] | None:
        """Height and width to which an image is resized; None keeps its size.

        Raises:
            UsageError: `target_size` is another size than the only one that the network takes.
        """
        wanted, fixed = self.settings.target_size, self.model.input_size
        size = resized(image.shape[1], image.shape[0], wanted)
        if fixed is not None and size is not None and wanted != fixed[::-1] and (wanted, wanted) != fixed:
            height, width = fixed
            raise UsageError(
                f"target_size is {wanted}, but {self.model.title} takes {width} x {height} px only",
                hint="leave target_size out: images are resized to what the model takes",
            )
        return fixed or size

    def _tiles_of(self, size: Sequence[int]) -> SlidingWindowConfig | None:
        """The tiles of an image; None for an image that `target_size` resizes, which is processed whole."""
        if self.settings.sliding_window is None and resized(size[1], size[0], self.settings.target_size) is not None:
            return None
        height, width = size
        window = self.tiling.of((height, width))
        return None if window and self._runs_in_bands(height, width) else window

    def _runs_in_bands(self, height: int, width: int) -> bool:
        """Whether nothing but the label map is asked for, and it is made in less memory than the whole image takes."""
        if self._wants_confidence or self._wants_entropy or not self.tiling.fits_in_bands((height, width)):
            return False
        forward = self._forward
        return isinstance(forward, GivesLabelsOfRows) and forward.takes_rows(height, width)

    def _large(self, item: SourceItem, image: Windows) -> LargeSegResult:
        """The result of an image that, like its label map, is never held in memory as a whole."""
        size = image.size
        window = self._tiles_of(size) or self.tiling.window
        maps = GradedMaps(
            LabelStore(*size),
            LabelStore(*size) if self._wants_confidence else None,
            LabelStore(*size) if self._wants_entropy else None,
        )
        settings, (forward, activation) = self._tile_settings(window), self._network
        if maps.confidence is None and maps.entropy is None:
            label_map_tiled(forward, image, settings, into=maps.labels)
        else:
            graded_map_tiled(forward, image, settings, maps, activation=activation)
        return LargeSegResult(item, maps, self.classes, window)

    def _tile_settings(self, window: SlidingWindowConfig) -> TileSettings:
        return TileSettings(
            self.model.preprocess,
            window,
            blend="ramp",
            batch_size=self.model.batch_limit or 1,
            input_size=self.model.input_size,
            classes=len(self.classes),
        )


def resized(width: int, height: int, wanted: TargetSize) -> tuple[int, int] | None:
    """Height and width to which PaddleX resizes an image: scaled to fit, each side rounded up to a multiple of 32.

    Args:
        width: Image width in pixels.
        height: Image height in pixels.
        wanted: A side, (width, height), or -1 or None.

    Returns:
        Height and width; None where the image keeps its size.
    """
    sides = (wanted, wanted) if isinstance(wanted, int) else wanted
    if sides is None or min(sides) <= 0:
        return None
    scale = min(max(sides) / max(width, height), min(sides) / min(width, height))
    new_height, new_width = (
        math.ceil(int(side * scale + 0.5) / SIZE_DIVISOR) * SIZE_DIVISOR for side in (height, width)
    )
    return new_height, new_width


def _in_groups(images: Sequence[RgbImage], work: Callable[[Sequence[RgbImage]], Sequence[T]]) -> list[T]:
    """Applies a function to groups of images of the same size; returns its results in the order of the images."""
    done: dict[int, T] = {}
    for group in _equal_sizes(images):
        done.update(zip(group, work([images[index] for index in group]), strict=True))
    return [done[index] for index in range(len(images))]


def _equal_sizes(images: Sequence[RgbImage]) -> list[list[int]]:
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, rgb in enumerate(images):
        groups.setdefault(rgb.shape, []).append(index)
    return list(groups.values())
