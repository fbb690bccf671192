"""Width and height that are missing in an annotation file: read from the images."""

from __future__ import annotations

from collections.abc import Sequence

from segcli.data.formats.coco_file import IMAGE_FOLDER
from segcli.data.image import image_size
from segcli.errors import InputError
from segcli.findings import Finding
from segcli.plurals import counted
from segcli.steps.fix.draft import Draft


def repair(draft: Draft, rule: str, _findings: Sequence[Finding]) -> None:
    """Writes width and height in pixels."""
    for _, name, file in draft.annotation_files():
        written = 0
        for image in file.content["images"]:
            if not isinstance(image, dict) or _has_size(image):
                continue
            try:
                size = image_size(draft.root / IMAGE_FOLDER / str(image.get("file_name")).replace("\\", "/"))
            except InputError:  # another rule reports it
                continue
            image["width"], image["height"] = size
            written += 1
        if written:
            file.is_changed = True
            draft.done(rule, name, f"width and height of {counted(written, 'image')} written")


def _has_size(image: dict[str, object]) -> bool:
    sides = (image.get("width"), image.get("height"))
    return all(isinstance(side, int) and side > 0 for side in sides)
