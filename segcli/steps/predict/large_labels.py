"""Label map of an image too large for memory, written in strips as a tiled TIFF."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import ClassMap
from segcli.data.id_counts import count_ids
from segcli.data.image import Labels, StrPath
from segcli.data.label_store import LabelStore
from segcli.data.palette import png_palette
from segcli.data.sources import SourceItem
from segcli.data.tiff_writer import TILE_PX, write_label_tiff
from segcli.inference.tiles import GradedMaps
from segcli.steps.predict.grey_maps import write_grey
from segcli.steps.predict.image_result import LeftOutError
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.semantic_results import SegResult
from segcli.steps.predict.writers import Counts, JsonForm, save_image

if TYPE_CHECKING:
    from segcli.steps.predict.found_object import FoundObject

log = logging.getLogger("segcli.predict")


class LargeSegResult(SegResult):
    """The label map of one large image; `pred` and the overlay are downscaled by skipping pixels.

    Attributes:
        store: The full label map, on disk.
        maps: The same, with confidence and entropy on disk where they were requested.
    """

    def __init__(self, item: SourceItem, maps: GradedMaps, classes: ClassMap, tiles: SlidingWindowConfig) -> None:
        self.maps = maps
        self.store: LabelStore = maps.labels
        super().__init__(item, np.zeros((1, 1), np.uint8), classes, tiles)
        self.labels = self._small()
        self["pred"] = self.labels[None]

    @cached_property
    def _counts(self) -> Counts:
        """Pixels per id of the whole image."""
        return np.asarray(np.sum([count_ids(strip) for strip in self.store.strips(TILE_PX)], axis=0), np.int64)

    @property
    def objects(self) -> tuple[FoundObject, ...]:
        """Raises `LeftOutError`: regions are not traced, as they may be as large as the image."""
        raise LeftOutError("regions of an image that is read in windows are not outlined")

    def label_strips(self) -> tuple[Iterator[Labels], ClassMap]:
        """The label map in strips from top to bottom."""
        return self.store.strips(TILE_PX), self.classes

    def confidence_strips(self) -> Iterator[Labels]:
        """The confidence in strips from top to bottom."""
        return super().confidence_strips() if self.maps.confidence is None else self.maps.confidence.strips(TILE_PX)

    def entropy_strips(self) -> Iterator[Labels]:
        """The entropy in strips from top to bottom."""
        return super().entropy_strips() if self.maps.entropy is None else self.maps.entropy.strips(TILE_PX)

    def save_label_map(self, save_path: StrPath) -> Path:
        """Writes the whole label map as a tiled palette TIFF; a GeoTIFF keeps its georeference.

        Args:
            save_path: A ``.tif`` file, or a folder for ``<name>_res.tif``.
        """
        path = Path(save_path)
        target = path if path.suffix.lower() in (".tif", ".tiff") else self.path_in(path, "_res.tif")
        write_label_tiff(target, self.store.strips(TILE_PX), self.size, png_palette(len(self.classes)), self.geo_tags)
        return target

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes the files of the `predict` command: JSON, label map and a small overlay."""
        if form == "full":
            log.warning("%s: its JSON is compact, for %d million pixels", self.name, self._counts.sum() // 10**6)
        label_map = self.save_label_map(folder)
        self.save_small(folder)
        files = {"label_map": label_map, "overlay": self.path_in(folder, "_overlay.jpg")}
        if self.maps.confidence is not None:
            files["confidence"] = write_grey(self, folder, "confidence", self.confidence_strips())
        files["json"] = self.save_to_json(folder, form="compact")
        written = self.predicted(files)
        self.store.close()
        return written

    def save_small(self, folder: Path) -> None:
        """Writes the overlay of the small image."""
        save_image(self.path_in(folder, "_overlay.jpg"), self._overlay())

    def _small(self) -> Labels:
        """The label map subsampled to the size of the small image."""
        step, (height, width) = self.shrunk, self.rgb.shape[:2]
        rows = [self.store.rows(row, row + 1)[0] for row in range(step // 2, height * step, step)]
        return np.ascontiguousarray(np.stack(rows)[:height, step // 2 :: step][:, :width])
