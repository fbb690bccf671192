"""Small LabelMe datasets on disk, in any layout."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from segcli.config.schema import Config

HEIGHT, WIDTH = 48, 64


def shape(label: str, *points: tuple[float, float], kind: str = "polygon", **more: Any) -> dict[str, Any]:
    """One shape."""
    return {"label": label, "points": [list(point) for point in points], "shape_type": kind, **more}


def box(label: str, left: float, top: float, right: float, bottom: float, **more: Any) -> dict[str, Any]:
    """A polygon around a rectangle."""
    return shape(label, (left, top), (right, top), (right, bottom), (left, bottom), **more)


def image_bytes(seed: int = 0, suffix: str = ".png", size: tuple[int, int] = (HEIGHT, WIDTH)) -> bytes:
    """An image file."""
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def mask_text(mask: np.ndarray) -> str:
    """A mask as LabelMe embeds it."""
    return base64.b64encode(cv2.imencode(".png", mask.astype(np.uint8))[1].tobytes()).decode()


def write_labelme(
    root: Path,
    name: str,
    shapes: Sequence[dict[str, Any]] = (),
    *,
    image: str | None = "beside",
    embedded: bool = False,
    seed: int = 0,
    **keys: Any,
) -> Path:
    """Writes `<root>/<name>.json` and its image.

    Args:
        root: The dataset.
        name: Path without suffix.
        shapes: Of the file.
        image: Where the image goes, relative to `root`; ``beside`` the JSON, or nowhere.
        embedded: Whether the image is in the JSON.
        seed: Of the image.
        keys: Keys of the file, over the usual ones; None takes one away.
    """
    path = root / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_suffix(".png") if image == "beside" else None if image is None else root / image
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(image_bytes(seed, place.suffix))
    values = {
        "version": "5.4.1",
        "shapes": list(shapes),
        "imagePath": place.name if place is not None else f"{path.stem}.png",
        "imageData": base64.b64encode(image_bytes(seed)).decode() if embedded else None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **keys,
    }
    values = {key: value for key, value in values.items() if value is not None or key == "imageData"}
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    return path


def write_lists(root: Path, train: Sequence[str], val: Sequence[str]) -> None:
    """The lists of both parts."""
    for part, names in (("train", train), ("val", val)):
        (root / f"{part}_anno_list.txt").write_text("".join(f"{name}.json\n" for name in names), encoding="utf-8")


def convert_config(root: Path, model: str = "PP-LiteSeg-T", **convert: Any) -> Config:
    """The configuration that converts a folder."""
    return Config.model_validate(
        {"Global": {"model": model, "dataset_dir": str(root)}, "CheckDataset": {"convert": convert}}
    )
