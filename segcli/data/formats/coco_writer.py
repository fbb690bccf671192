"""Writes COCO files: the one place where segcli makes COCO annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from segcli.data.boxes import BoxLtwh
from segcli.data.classes import IGNORE_NAME
from segcli.data.formats.coco_layout import ANNOTATION_FILES
from segcli.data.formats.format import Placed, PlacedImage, Put, Written, is_object, lose_flags, shape_count
from segcli.data.formats.object_painter import ObjectPainter
from segcli.data.json_text import json_bytes
from segcli.data.rle import Rle
from segcli.data.samples import Split

Entry = dict[str, Any]


class CocoDocument:
    """Builds one COCO file; ids count from 1.

    Args:
        categories: Names that the file always lists; further ones are added as they occur.
        first_image: Id of the first image, so that the files of several splits can be joined.
        first_annotation: Id of the first annotation, for the same reason.
    """

    def __init__(self, categories: Iterable[str] = (), *, first_image: int = 1, first_annotation: int = 1) -> None:
        self._categories = {name: number for number, name in enumerate(categories, start=1)}
        self._images: list[Entry] = []
        self._annotations: list[Entry] = []
        self._first_image, self._first_annotation = first_image, first_annotation

    @property
    def next_ids(self) -> tuple[int, int]:
        """Ids that the next image and the next annotation will get."""
        return self._first_image + len(self._images), self._first_annotation + len(self._annotations)

    def add_image(self, file_name: str, width: int, height: int) -> int:
        """Lists an image and returns its id."""
        number = self.next_ids[0]
        self._images.append({"id": number, "file_name": file_name, "width": width, "height": height})
        return number

    def add_object(
        self,
        image_id: int,
        label: str,
        segmentation: Sequence[Sequence[float]] | Rle,
        box: BoxLtwh,
        area_px: float,
        *,
        is_crowd: bool = False,
        **further: Any,
    ) -> None:
        """Lists an object.

        Args:
            image_id: Id of an image that `add_image` returned.
            label: Name of its category.
            segmentation: Polygons x1, y1, x2, y2, ... or a run-length code.
            box: Left, top, width and height in pixels.
            area_px: Area in square pixels.
            is_crowd: Whether it covers many objects (COCO's `iscrowd`).
            further: More keys of the annotation; None values are left out.
        """
        outline = dict(segmentation) if isinstance(segmentation, Mapping) else [list(ring) for ring in segmentation]
        entry = {
            "id": self.next_ids[1],
            "image_id": image_id,
            "category_id": self._categories.setdefault(label, len(self._categories) + 1),
            "bbox": [float(side) for side in box],
            "area": float(area_px),
            "iscrowd": int(is_crowd),
            "segmentation": outline,
        }
        self._annotations.append(entry | {key: value for key, value in further.items() if value is not None})

    def values(self) -> dict[str, list[Entry]]:
        """The content of the file."""
        categories = [{"id": number, "name": name} for name, number in self._categories.items()]
        return {"images": self._images, "annotations": self._annotations, "categories": categories}


def join_documents(documents: Iterable[Mapping[str, Any]]) -> dict[str, list[Entry]]:
    """Joins the files of single images; categories are merged by name, and ids are renumbered."""
    joined = CocoDocument()
    for document in documents:
        names = {entry["id"]: entry["name"] for entry in document["categories"]}
        ids = {
            entry["id"]: joined.add_image(entry["file_name"], entry["width"], entry["height"])
            for entry in document["images"]
        }
        for entry in document["annotations"]:
            known = ("id", "image_id", "category_id", "segmentation", "bbox", "area", "iscrowd")
            further = {key: value for key, value in entry.items() if key not in known}
            joined.add_object(
                ids[entry["image_id"]],
                names[entry["category_id"]],
                entry["segmentation"],
                entry["bbox"],
                entry["area"],
                is_crowd=bool(entry["iscrowd"]),
                **further,
            )
    return joined.values()


def write_coco(placed: Placed, put: Put) -> Written:
    """Writes both annotation files; ids continue from training to validation, so that the files can be joined."""
    written, painter = Written(), ObjectPainter(placed.brush)
    written.made.update(objects=0, shapes_left_out=0, objects_without_pixels=0)
    ids = (1, 1)
    for split in Split:
        document = CocoDocument(placed.dataset.classes, first_image=ids[0], first_annotation=ids[1])
        for image in placed.of(split):
            _add(document, image, painter, written)
        ids = document.next_ids
        put(ANNOTATION_FILES[split], json_bytes(document.values()) + b"\n")
    return written


def _add(document: CocoDocument, image: PlacedImage, painter: ObjectPainter, written: Written) -> None:
    height, width = image.source.size
    number = document.add_image(image.name, width, height)
    for value in image.source.read_objects():
        if not is_object(value):
            written.made["shapes_left_out"] += shape_count(value)
            if value.label == IGNORE_NAME:
                written.lose(image, value, "an ignored region", 0.0)
            continue
        found = painter.segment(value, height, width)
        if found is None:
            written.made["objects_without_pixels"] += 1
            continue
        lose_flags(("is_crowd", "is_ignored"), image, value, written)
        document.add_object(
            number,
            value.label,
            found.segmentation,
            found.box,
            found.area_px,
            is_crowd=value.is_crowd,
            ignore=1 if value.is_ignored else None,
            score=value.score,
        )
        written.made["objects"] += 1
