"""Results of semantic models in PaddleX's form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import NO_CLASSES, ClassMap
from segcli.data.files import atomic_path
from segcli.data.id_counts import count_ids
from segcli.data.image import Labels, StrPath
from segcli.data.sources import SourceItem
from segcli.errors import UsageError
from segcli.report.overlay import overlay
from segcli.steps.predict.image_result import ImageResult, LeftOutError, Text
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import (
    Counts,
    JsonForm,
    compact_values,
    full_json,
    label_image,
    overlay_image,
    save_image,
    save_label_map,
)

if TYPE_CHECKING:
    from segcli.data.rle import Rle
    from segcli.steps.predict.found_object import FoundObject


class SegResult(ImageResult):
    """The label map of one image, with PaddleX's key `pred` (int32 [1, H, W]).

    Attributes:
        labels: The label map, uint8 [H, W].
        classes: The classes.
        confidence: Probability of the label per pixel, float32 [H, W]; None where it was not requested.
        entropy: Entropy of the class probabilities per pixel, uint8 [H, W]; None where it was not requested.
    """

    pixels: ClassVar[Text] = "pred"
    unit: ClassVar[Text] = "pixels"

    def __init__(
        self,
        item: SourceItem,
        labels: Labels,
        classes: ClassMap,
        tiles: SlidingWindowConfig | None = None,
        confidence: NDArray[np.float32] | None = None,
        *,
        entropy: Labels | None = None,
    ) -> None:
        super().__init__(item, {"pred": labels[None].astype(np.int32)}, tiles)
        self.labels = labels
        self.classes = classes
        self.confidence = confidence
        self.entropy = entropy

    @cached_property
    def _counts(self) -> Counts:
        return count_ids(self.labels)

    @property
    def found(self) -> dict[Text, int]:
        """Number of pixels per class that occurs."""
        return {self.classes.name_of(id_): int(self._counts[id_]) for id_ in np.flatnonzero(self._counts).tolist()}

    def annotated(self, *, legend: bool = False) -> NDArray[np.uint8]:
        """The image with its label map drawn over it."""
        return self._overlay() if legend else overlay(self.rgb, self.labels, self.classes)

    @property
    def object_classes(self) -> tuple[Text, ...]:
        """The classes except the background."""
        return tuple(name for name in self.classes.names if name not in NO_CLASSES)

    @cached_property
    def objects(self) -> tuple[FoundObject, ...]:
        """The connected regions of each class except the background."""
        # with all that reads and traces annotations: only for files that hold outlines
        from segcli.data.formats.label_map_reader import NOWHERE, regions_of
        from segcli.data.traced_mask import TracedMask
        from segcli.steps.predict.found_object import FoundObject

        ids = {name: number for number, name in enumerate(self.object_classes)}
        names = {number: name for number, name in enumerate(self.classes.names) if name in ids}
        regions = regions_of(self.labels, names, NOWHERE)
        return tuple(
            FoundObject(one.label, ids[one.label], None, TracedMask(cast("Rle", one.outline))) for one in regions
        )

    def label_of(self, one: FoundObject) -> int:
        """The id of its class."""
        return self.classes.id_of(one.label)

    def label_strips(self) -> tuple[Iterator[Labels], ClassMap]:
        """The label map in one piece."""
        return iter([self.labels]), self.classes

    def confidence_map(self) -> Labels:
        """Probability of the predicted class per pixel, uint8 [H, W], where 255 is 1."""
        if self.confidence is not None:
            return np.asarray(np.rint(self.confidence * 255), np.uint8)
        raise LeftOutError("probabilities were not computed")

    def entropy_map(self) -> Labels:
        """Entropy of the probabilities per pixel, uint8 [H, W], where 255 is that of equal probabilities."""
        if self.entropy is None:
            raise LeftOutError("class probabilities were not computed")
        return self.entropy

    def _overlay(self) -> NDArray[np.uint8]:
        return overlay_image(self.rgb, self.labels, self.classes, self._counts)

    @property
    def img(self) -> dict[Text, Image.Image]:
        """``res``: the label map in colours; ``overlay``: the image below it, with a legend."""
        return {
            "res": label_image(self.labels, self.classes).convert("RGB"),
            "overlay": Image.fromarray(self._overlay()),
        }

    @property
    def compact(self) -> dict[Text, Any]:
        """The classes that occur, each with its number of pixels."""
        values = {**compact_values(self, self.size, self._counts, self.classes), **self._tiles_json()}
        if self.confidence is not None:
            for one in values["classes"]:
                one["confidence"] = round(float(self.confidence[self.labels == one["id"]].mean(dtype=np.float64)), 6)
        return values

    def _full_json(self, *, indent: int, ensure_ascii: bool) -> Text:
        return full_json(self.plain, self.labels, indent=indent, ensure_ascii=ensure_ascii)

    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the label map and the overlay.

        Args:
            save_path: An image file for the label map alone (PNG keeps the ids), or a folder for ``<name>_res.png``
                (a palette PNG whose pixels are the ids) and ``<name>_overlay.jpg``.

        Returns:
            The file of the label map.
        """
        target, named = self._image_file(save_path, "_res.png")
        save_label_map(target, self.labels, self.classes)
        if not named:
            save_image(self.path_in(Path(save_path), "_overlay.jpg"), self._overlay())
        return target

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes the files of the `predict` command: JSON, label map and overlay."""
        label_map = self.save_to_img(folder)
        files = {
            "label_map": label_map,
            "overlay": self.path_in(folder, "_overlay.jpg"),
            "json": self.save_to_json(folder, form=form),
        }
        if self.confidence is not None:
            files["confidence"] = self.save_confidence(self.path_in(folder, "_confidence.png"))
        return self.predicted(files)

    def save_confidence(self, path: Path) -> Path:
        """Writes the confidence as a grey image: 0 to 255 for probabilities 0 to 1.

        Raises:
            UsageError: It was not computed.
        """
        if self.confidence is None:
            raise UsageError("the confidence was not computed", hint="set Predict.confidence=true")
        with atomic_path(path) as temporary:
            Image.fromarray(np.round(self.confidence * 255).astype(np.uint8)).save(temporary, format="PNG")
        return path
