"""A sheet of training images with their labels, as the network sees them after augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from segcli.config.recipe import AUTO, with_recipe
from segcli.config.schema import PLANNER, Config
from segcli.data.augment.scene import LabelScene, ObjectScene
from segcli.data.classes import ClassMap
from segcli.data.files import atomic_path
from segcli.data.image import RgbImage, shown
from segcli.data.palette import object_palette
from segcli.errors import UsageError
from segcli.models.table import get_spec
from segcli.report.objects import tint
from segcli.report.overlay import overlay, with_legend
from segcli.tasks import engine_of

PREVIEW_FILE = "preview.png"
_COLUMNS, _ROWS = 4, 3
_TILE_PX = 320
_GAP_PX = 8
_WHITE = 255


@dataclass(frozen=True)
class PreviewResult:
    """The written sheet.

    Attributes:
        preview: The image file.
        images: Number of training images on it.
    """

    preview: str
    images: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"preview": self.preview, "images": self.images}


def preview(config: Config) -> PreviewResult:
    """Draws the first training images of a configuration into `<output>/preview.png`; nothing is trained.

    Raises:
        UsageError: The model is a promptable one.
    """
    spec = get_spec(config.Global.model)
    if spec.task.facts.takes_prompts:
        raise UsageError(f"{spec.name} learns from prompts, for which there is no preview")
    if config.Train.pretrain_weight_path == AUTO:
        config = config.replaced({"Train.pretrain_weight_path": None}, PLANNER)
    session: Any = engine_of(spec.task).open_training(spec, with_recipe(config))
    scenes = [session.scene(position) for position in range(_COLUMNS * _ROWS)]
    target = Path(config.Global.output) / PREVIEW_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        Image.fromarray(sheet(scenes, session.classes)).save(temporary, format="PNG")
    return PreviewResult(str(target), len(scenes))


def sheet(scenes: list[LabelScene | ObjectScene], classes: ClassMap) -> RgbImage:
    """The scenes in rows, with a legend below: RGB, (height, width, 3), uint8."""
    tiles = [_on_white(_drawn(scene, classes)) for scene in scenes]
    rows = [np.concatenate(tiles[at : at + _COLUMNS], axis=1) for at in range(0, len(tiles), _COLUMNS)]
    shown: set[int] = set()
    for scene in scenes:
        shown |= set(np.unique(scene.mask if isinstance(scene, LabelScene) else scene.classes).tolist())
    objects = any(isinstance(scene, ObjectScene) for scene in scenes)
    page = np.ascontiguousarray(np.concatenate(rows))
    return with_legend(page, classes, shown, object_palette(len(classes)) if objects else None)


def _drawn(scene: LabelScene | ObjectScene, classes: ClassMap) -> RgbImage:
    scale = _TILE_PX / max(scene.rgb.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in scene.rgb.shape[1::-1])
    rgb = cv2.resize(shown(scene.rgb), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    rgb = np.asarray(rgb, np.uint8)
    if isinstance(scene, LabelScene):
        return overlay(rgb, cv2.resize(scene.mask, size, interpolation=cv2.INTER_NEAREST), classes, alpha=0.4)
    colours = object_palette(len(classes))
    for mask, class_id in zip(scene.masks, scene.classes.tolist(), strict=True):
        small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        tint(rgb, small, colours[class_id], 0.35)
    return rgb


def _on_white(rgb: RgbImage) -> RgbImage:
    """The image centred on a white square."""
    side = _TILE_PX + _GAP_PX
    tile = np.full((side, side, 3), _WHITE, np.uint8)
    height, width = rgb.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    tile[top : top + height, left : left + width] = rgb
    return tile
