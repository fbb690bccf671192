"""LabelMe to PaddleX's COCOInstSegDataset: `images/`, `annotations/instance_train.json` and `instance_val.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from segcli.config.schema import CheckDatasetConfig
from segcli.data.classes import BACKGROUND_NAME, IGNORE_NAME
from segcli.data.formats.coco import ANNOTATION_FILES
from segcli.data.formats.labelme_dataset import LabelMeDataset
from segcli.data.formats.labelme_objects import DrawnObject, ShapePainter, group
from segcli.data.samples import Split
from segcli.data.transaction import Transaction
from segcli.findings import Finding
from segcli.progress import track
from segcli.rules import finding
from segcli.steps.convert.classes import object_classes
from segcli.steps.convert.images import IMAGE_FOLDER, PlacedImage, place_images
from segcli.steps.convert.plan import ConversionPlan

_NO_OBJECTS = (IGNORE_NAME, BACKGROUND_NAME)


@dataclass(frozen=True)
class CocoPlan(ConversionPlan):
    """A conversion to COCO; category ids are those of `classes` from 1 on.

    Ids of images and annotations run on from the training to the validation part, so that both can be joined.
    """

    def stage(self, changes: Transaction) -> dict[str, int]:
        """Writes both annotation files and the images that are not in their place."""
        writer = _Writer(self)
        for placed in track(self.placed_images, "converting", len(self.placed_images)):
            placed.stage(self.root, changes)
        for split in Split:
            content = json.dumps(writer.part(split), ensure_ascii=False)
            changes.stage(ANNOTATION_FILES[split]).write_text(content + "\n", encoding="utf-8")
        left_out = sum(count for label, count in self.shapes().items() if label in _NO_OBJECTS)
        return {"objects": writer.objects, "shapes_left_out": left_out, "objects_without_pixels": writer.empty}


def plan_coco(dataset: LabelMeDataset, settings: CheckDatasetConfig) -> CocoPlan:
    """Decides every file of the result without writing one; see `place_images` for the errors."""
    names, findings = object_classes(dataset)
    placed_images, faults = place_images(dataset, settings.split)
    return CocoPlan(
        dataset=dataset,
        classes=names,
        placed_images=placed_images,
        findings=(*dataset.findings, *findings, *faults, *_left_out(placed_images)),
        line_width=settings.convert.line_width,
        point_size=settings.convert.point_size,
    )


def _left_out(placed_images: tuple[PlacedImage, ...]) -> list[Finding]:
    findings = []
    for placed in placed_images:
        labels = [shape.label for shape in placed.source.annotation.shapes]
        counts = [f"{labels.count(name)} {name}" for name in _NO_OBJECTS if name in labels]
        if counts:
            findings.append(finding("L303", placed.source.name, f"holds {' and '.join(counts)}"))
    return findings


class _Writer:
    """Numbers images and annotations through both parts.

    Attributes:
        objects: Annotations so far.
        empty: Objects without a pixel in their image, which are left out.
    """

    def __init__(self, plan: CocoPlan) -> None:
        self.objects = 0
        self.empty = 0
        self._plan = plan
        self._images = 0
        self._painter = ShapePainter(plan.line_width, plan.point_size)
        self._ids = {name: number for number, name in enumerate(plan.classes, start=1)}

    def part(self, split: Split) -> dict[str, list[dict[str, Any]]]:
        """Content of the annotation file of one part."""
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for placed in self._plan.samples(split):
            self._images += 1
            images.append(self._image(placed))
            annotations += self._annotations(placed)
        categories = [{"id": number, "name": name} for name, number in self._ids.items()]
        return {"images": images, "annotations": annotations, "categories": categories}

    def _image(self, placed: PlacedImage) -> dict[str, Any]:
        height, width = placed.size
        name = PurePosixPath(placed.image).relative_to(IMAGE_FOLDER).as_posix()
        return {"id": self._images, "file_name": name, "width": width, "height": height}

    def _annotations(self, placed: PlacedImage) -> list[dict[str, Any]]:
        shapes = (shape for shape in placed.source.annotation.shapes if shape.label not in _NO_OBJECTS)
        drawn = [self._painter.draw(parts, *placed.size) for parts in group(shapes)]
        self.empty += drawn.count(None)
        return [self._annotation(object_) for object_ in drawn if object_ is not None]

    def _annotation(self, drawn: DrawnObject) -> dict[str, Any]:
        self.objects += 1
        return {
            "id": self.objects,
            "image_id": self._images,
            "category_id": self._ids[drawn.label],
            "bbox": [float(side) for side in drawn.box],
            "area": float(drawn.area_px),
            "iscrowd": 0,
            "segmentation": drawn.segmentation,
        }
