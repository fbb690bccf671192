"""Results of instance models in PaddleX's form, with masks for other tools too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.config.schema import SlidingWindowConfig
from segcli.data import rle
from segcli.data.boxes import BoxXyxy
from segcli.data.classes import ClassMap
from segcli.data.detections import Detections
from segcli.data.files import write_json_atomic
from segcli.data.image import StrPath
from segcli.data.rle import Rle
from segcli.data.sources import SourceItem
from segcli.data.traced_mask import TracedMask
from segcli.report.objects import DrawnObject, draw_objects
from segcli.steps.predict.found_object import FoundObject
from segcli.steps.predict.image_result import ImageResult, MaskList, Text
from segcli.steps.predict.instance_files import (
    coco_results,
    compact_objects,
    full_objects,
    labelme_values,
)
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm, save_image


class InstanceResult(ImageResult):
    """The objects of one image, best first, with PaddleX's keys.

    `boxes` is a list of ``{cls_id, label, score, coordinate}`` (left, top, right, bottom in pixels); SOLOv2's boxes are
    computed from its masks. `masks` holds for each box its mask cropped to the rounded box, uint8.

    Attributes:
        classes: The classes.
        codes: The masks in the size of the image, as run-length codes.
        traced: The masks, each decoded and traced once for the overlay and all files.
    """

    pixels: ClassVar[Text] = "masks"
    unit: ClassVar[Text] = "objects"

    def __init__(
        self, item: SourceItem, found: Detections, classes: ClassMap, tiles: SlidingWindowConfig | None = None
    ) -> None:
        codes: tuple[Rle, ...] = tuple(found.masks)
        height, width = (0, 0) if item.windows is None else item.windows.size
        coordinates = _coordinates(found, width, height)
        boxes = [
            {
                "cls_id": int(class_id),
                "label": classes.name_of(int(class_id)),
                "score": float(score),
                "coordinate": list(box),
            }
            for class_id, score, box in zip(found.classes, found.scores, coordinates, strict=True)
        ]
        traced = tuple(map(TracedMask, codes))
        masks = MaskList(codes, partial(_cropped_at, traced, coordinates))
        super().__init__(item, {"boxes": boxes, "masks": masks}, tiles)
        self.codes, self.traced = codes, traced
        self.classes = classes

    @property
    def img(self) -> dict[Text, Image.Image]:
        """``res``: the image with masks, boxes, names and scores, and a legend."""
        return {"res": Image.fromarray(self.drawn())}

    @property
    def found(self) -> dict[Text, int]:
        """Number of objects per class that occurs, the most frequent first."""
        return dict(Counter(box["label"] for box in self["boxes"]).most_common())

    def drawn(self) -> NDArray[np.uint8]:
        """The image with its objects and a legend: RGB, uint8."""
        return self.annotated(legend=True)

    def annotated(self, *, legend: bool = False) -> NDArray[np.uint8]:
        """The image with its objects."""
        return draw_objects(self.rgb, self._drawings(), self.classes, legend=legend)

    @property
    def objects(self) -> tuple[FoundObject, ...]:
        """The objects, best first."""
        return tuple(
            FoundObject(box["label"], box["cls_id"], box["score"], mask)
            for box, mask in zip(self["boxes"], self.traced, strict=True)
        )

    @property
    def object_classes(self) -> tuple[Text, ...]:
        """The classes."""
        return self.classes.names

    def _drawings(self) -> list[DrawnObject]:
        return [
            DrawnObject(
                mask,
                _sides([side / self.shrunk for side in box["coordinate"]]),
                box["cls_id"],
                f"{box['label']} {box['score']:.2f}",
            )
            for mask, box in zip(self.traced, self["boxes"], strict=True)
        ]

    @property
    def compact(self) -> dict[Text, Any]:
        """The boxes, with run-length codes of the image's size, polygons and areas."""
        values = self._streamed
        return {**values, "boxes": list(values["boxes"])}

    @property
    def _streamed(self) -> dict[Text, Any]:
        return {**compact_objects(self, self.traced, self.size), **self._tiles_json()}

    def _full_json(self, *, indent: int, ensure_ascii: bool) -> Text:
        return full_objects(self.plain, indent=indent, ensure_ascii=ensure_ascii)

    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the image with its objects.

        Args:
            save_path: An image file, or a folder for ``<name>_res.jpg``.
        """
        target, _ = self._image_file(save_path, "_res.jpg")
        save_image(target, self.drawn())
        return target

    def save_to_coco(self, save_path: StrPath) -> Path:
        """Writes COCO results, which COCO tools load: class, score, box, run-length code of the whole image.

        Args:
            save_path: A ``.json`` file, or a folder for ``<name>_coco.json``.
        """
        path = Path(save_path)
        target = path if path.suffix == ".json" else self.path_in(path, "_coco.json")
        write_json_atomic(target, coco_results(self, self.codes))
        return target

    def save_to_labelme(self, save_path: StrPath) -> Path:
        """Writes a LabelMe file, to correct by hand and to train with again.

        Args:
            save_path: A ``.json`` file, or a folder for ``<name>.json``. It names the image by a relative path;
                an array or a page is embedded.
        """
        path = Path(save_path)
        target = path if path.suffix == ".json" else self.path_in(path, ".json")
        values = labelme_values(self, self.traced, self.rgb, self.size, target)
        write_json_atomic(target, values, indent=1)
        return target

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes the files of the `predict` command: JSON, overlay, COCO results and LabelMe."""
        return self.predicted(
            {
                "overlay": self.save_to_img(folder),
                "coco_results": self.save_to_coco(folder),
                "labelme": self.save_to_labelme(folder / "labelme"),
                "json": self.save_to_json(folder, form=form),
            }
        )

    def save_all(self, save_path: StrPath) -> None:
        """Writes all files into a folder."""
        self.write_files(Path(save_path), "full")


def _sides(sides: Sequence[float]) -> BoxXyxy:
    left, top, right, bottom = sides
    return left, top, right, bottom


def _cropped_at(traced: Sequence[TracedMask], boxes: Sequence[BoxXyxy], place: int) -> NDArray[np.uint8]:
    return traced[place].within(boxes[place])


def _coordinates(found: Detections, width: int, height: int) -> list[BoxXyxy]:
    """Left, top, right and bottom of each object, clipped to the image."""
    if found.boxes is not None:
        limit = np.array([width, height, width, height], np.float64)
        edges = np.clip(np.asarray(found.boxes, np.float64).reshape(-1, 4), 0, limit)
        return [(float(a), float(b), float(c), float(d)) for a, b, c, d in edges]
    sides = [rle.bounding_box(mask) for mask in found.masks]
    return [(x, y, x + w, y + h) for x, y, w, h in sides]
