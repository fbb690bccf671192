"""Entropy map of the class probabilities."""

from __future__ import annotations

from pathlib import Path

from segcli.steps.predict.grey_maps import write_grey
from segcli.steps.predict.image_result import ImageResult


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_entropy.png``, or ``.tif``: entropy of the class probabilities, 255 where all are equal."""
    return write_grey(result, folder, "entropy", result.entropy_strips())
