"""Confidence map of the model."""

from __future__ import annotations

from pathlib import Path

from segcli.steps.predict.grey_maps import write_grey
from segcli.steps.predict.image_result import ImageResult


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_confidence.png``, or ``.tif``: probability of the predicted class, or score of the best object."""
    return write_grey(result, folder, "confidence", result.confidence_strips())
