"""Writes a mask with new ids; format, palette and resolution are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_mask(ids: NDArray[np.uint8], original: Path, target: Path, palette: list[int] | None = None) -> None:
    """Writes ids, uint8 [H, W], in the format of `original` with its palette or `palette`; lossy formats become PNG."""
    with Image.open(original) as old:
        palette = palette or (old.getpalette() if old.mode == "P" else None)
        kind = old.format if old.format in ("PNG", "BMP", "TIFF") else "PNG"
        dpi = old.info.get("dpi")
    image = Image.fromarray(ids)
    if palette is not None:
        image.putpalette(palette)
    options = {"dpi": dpi} if dpi else {}
    if kind == "PNG":
        options["compress_level"] = 1
    image.save(target, format=kind, **options)
