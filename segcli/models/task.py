"""The segmentation tasks, by the names that PaddleX gives to its modules."""

from __future__ import annotations

from enum import Enum


class Task(str, Enum):
    """A segmentation task."""

    SEMANTIC = "semantic_segmentation"
    INSTANCE = "instance_segmentation"
    PROMPTABLE = "open_vocabulary_segmentation"
