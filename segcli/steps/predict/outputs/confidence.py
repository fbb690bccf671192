"""Confidence map of the model."""

from __future__ import annotations

from pathlib import Path

from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.writers import save_grey


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_confidence.png``: the probability of the predicted class, or the score of the best object."""
    return save_grey(result.path_in(folder, "_confidence.png"), result.confidence_map())
