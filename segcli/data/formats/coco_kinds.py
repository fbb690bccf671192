"""JSON files of the COCO family that hold no outlines of objects: predictions, captions, panoptic segmentation."""

from __future__ import annotations

from typing import Any


def other_kind(content: Any) -> str | None:
    """What such a file holds, for a message; None for a file that may hold objects."""
    if isinstance(content, list):
        entries = [entry for entry in content if isinstance(entry, dict)]
        if entries and all("score" in entry and "image_id" in entry for entry in entries):
            return "holds predictions (a list with image_id, category_id, score), not labels"
        return None
    annotations = content.get("annotations") if isinstance(content, dict) else None
    entries = [entry for entry in annotations if isinstance(entry, dict)] if isinstance(annotations, list) else []
    if not entries:
        return None
    if all("segments_info" in entry for entry in entries):
        return "is for panoptic segmentation: its outlines lie in PNG files, which are not read"
    if all("caption" in entry and "segmentation" not in entry for entry in entries):
        return "holds captions, not objects"
    return None
