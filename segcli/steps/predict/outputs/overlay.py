"""The image with the result drawn over it, and a legend."""

from __future__ import annotations

from pathlib import Path

from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.writers import save_image


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_overlay.jpg``; downscaled for an image that is read in windows."""
    path = result.path_in(folder, "_overlay.jpg")
    save_image(path, result.annotated(legend=True))
    return path
