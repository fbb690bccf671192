"""Explains which kind of dataset a folder holds when a task needs another, with the command that converts it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Literal

from segcli.data.files import is_dir
from segcli.data.formats.coco_layout import coco_layouts
from segcli.data.formats.labelme import labelme_files
from segcli.data.formats.masks_layout import holds_masks
from segcli.data.formats.voc_layout import find_voc
from segcli.data.formats.yolo_layout import find_yolo
from segcli.errors import DatasetError
from segcli.rules import finding

Layout = Literal["coco", "masks"]
_TASKS: dict[Layout, tuple[str, str]] = {"coco": ("C109", "a semantic"), "masks": ("S003", "an instance")}
"""Required layout -> rule for a dataset of the other kind, and the kind of model that accepts it."""


def refuse_other_kind(dataset_dir: Path, wanted: Layout) -> None:
    """Raises an error if the folder holds a known format of another layout; does nothing if the format is unknown.

    Args:
        dataset_dir: The folder.
        wanted: Layout that the task needs.

    Raises:
        DatasetError: It holds LabelMe files that are not yet converted (L006), or another kind of dataset (C109,
            S003).
    """
    if not is_dir(dataset_dir):
        return
    for path in labelme_files(dataset_dir):
        message = f"holds LabelMe files ({path.relative_to(dataset_dir)}), which are not converted yet"
        task = "instance" if wanted == "coco" else "semantic"
        hint = f"segcli convert {quote(str(dataset_dir))} --task {task}"
        raise _refusal("L006", dataset_dir, message, hint)
    what = _what_it_is(dataset_dir, wanted)
    if what is not None:
        code, models = _TASKS[wanted]
        convert = f"segcli convert {quote(str(dataset_dir))} NEW_FOLDER --to {wanted}"
        raise _refusal(code, dataset_dir, f"holds {what}", f"choose {models} model, or {convert}")


def _refusal(code: str, dataset_dir: Path, message: str, hint: str) -> DatasetError:
    fault = finding(code, str(dataset_dir), message, hint=hint)
    return DatasetError(message, [fault], path=dataset_dir, hint=hint)


def _what_it_is(dataset_dir: Path, wanted: Layout) -> str | None:
    if wanted == "masks":
        layouts = coco_layouts(dataset_dir)
        if layouts:
            return f"COCO data ({', '.join(dict.fromkeys(layouts[0].files.values()))})"
        yolo = find_yolo(dataset_dir)
        return f"YOLO data ({yolo.relative_to(dataset_dir)})" if yolo is not None else None
    if find_voc(dataset_dir) is not None:
        return None
    return "images with masks, for semantic segmentation" if holds_masks(dataset_dir) else None
