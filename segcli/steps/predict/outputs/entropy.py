"""Entropy map of the class probabilities."""

from __future__ import annotations

from pathlib import Path

from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.writers import save_grey


def write(result: ImageResult, folder: Path) -> Path:
    """``<name>_entropy.png``: entropy of the class probabilities, 255 where all are equal."""
    return save_grey(result.path_in(folder, "_entropy.png"), result.entropy_map())
