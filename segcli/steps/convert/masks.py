"""LabelMe to PaddleX's SegDataset: `images/`, `annotations/*.png`, `train.txt`, `val.txt`, class files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.config.schema import CheckDatasetConfig
from segcli.data.classes import BACKGROUND_NAME, IGNORE_INDEX, IGNORE_NAME
from segcli.data.formats.labelme_dataset import LabelMeDataset
from segcli.data.formats.labelme_shapes import LabelCanvas
from segcli.data.formats.masks import LIST_FILES
from segcli.data.palette import png_palette
from segcli.data.samples import Split
from segcli.data.transaction import Transaction
from segcli.progress import track
from segcli.rules import finding
from segcli.steps.convert.classes import object_classes
from segcli.steps.convert.images import PlacedImage, place_images
from segcli.steps.convert.plan import ConversionPlan

MASK_FOLDER, OTHER_MASK_FOLDER = "annotations", "masks"


@dataclass(frozen=True)
class SegPlan(ConversionPlan):
    """A conversion to masks; the background is class 0.

    Attributes:
        mask_folder: Where the masks go.
    """

    mask_folder: str = MASK_FOLDER

    def mask(self, placed: PlacedImage) -> str:
        """Where the mask of an image goes, relative to the dataset."""
        return f"{self.mask_folder}/{placed.stem}.png"

    def stage(self, changes: Transaction) -> dict[str, int]:
        """Writes masks, images, lists and class files."""
        palette = png_palette(256)
        for placed in track(self.placed_images, "converting", len(self.placed_images)):
            mask = Image.fromarray(self.paint(placed))
            mask.putpalette(palette)
            mask.save(changes.stage(self.mask(placed)), format="PNG", compress_level=1)
            placed.stage(self.root, changes)
        for split in Split:
            lines = "".join(f"{self._line(placed)}\n" for placed in self.samples(split))
            changes.stage(LIST_FILES[split]).write_text(lines, encoding="utf-8")
        self._stage_classes(changes)
        return {"masks": len(self.placed_images)}

    def paint(self, placed: PlacedImage) -> NDArray[np.uint8]:
        """The mask of one image: shapes in file order, later ones over earlier ones; uint8 [H, W]."""
        ids = {name: number for number, name in enumerate(self.classes)} | {IGNORE_NAME: IGNORE_INDEX}
        canvas = LabelCanvas(*placed.size, line_width=self.line_width, point_size=self.point_size)
        for shape in placed.source.annotation.shapes:
            canvas.paint(shape, ids[shape.label])
        return canvas.labels()

    def _stage_classes(self, changes: Transaction) -> None:
        names = "".join(f"{name}\n" for name in self.classes[1:])
        changes.stage("class_name.txt").write_text(names, encoding="utf-8")
        numbered = "".join(f"{number}: {name}\n" for number, name in enumerate(self.classes))
        changes.stage("class_name_to_id.txt").write_text(numbered, encoding="utf-8")

    def _line(self, placed: PlacedImage) -> str:
        names = (placed.image, self.mask(placed))
        return ("\t" if any(" " in name for name in names) else " ").join(names)


def plan_masks(dataset: LabelMeDataset, settings: CheckDatasetConfig) -> SegPlan:
    """Decides every file of the result without writing one; see `place_images` for the errors.

    Masks go into `annotations/`, or into `masks/` where the labelled images themselves lie in `annotations/`.
    """
    names, findings = object_classes(dataset)
    if len(names) >= IGNORE_INDEX:
        findings.append(finding("L304", str(dataset.root), f"there are {len(names)} labels"))
    placed_images, faults = place_images(dataset, settings.split)
    folder = dataset.root / MASK_FOLDER
    crowded = any(sample.image is not None and sample.image.parent == folder for sample in dataset.samples)
    return SegPlan(
        dataset=dataset,
        classes=(BACKGROUND_NAME, *names),
        placed_images=placed_images,
        findings=(*dataset.findings, *findings, *faults),
        line_width=settings.convert.line_width,
        point_size=settings.convert.point_size,
        mask_folder=OTHER_MASK_FOLDER if crowded else MASK_FOLDER,
    )
