"""Writes the proposals of a model as a LabelMe dataset: `images/` and `annotations/`, to correct by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from segcli.data.files import atomic_path, is_file, write_json_atomic
from segcli.data.formats.labelme_writer import labelme_document
from segcli.data.image import shown
from segcli.data.sources import SourceItem

IMAGES, ANNOTATIONS = "images", "annotations"


class ProposalFolder:
    """A LabelMe dataset for proposals; existing files are never overwritten.

    Args:
        folder: A new folder, or the folder of a LabelMe dataset.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, item: SourceItem, shapes: list[dict[str, Any]]) -> Path | None:
        """Adds an image and the file of its shapes.

        Returns:
            The file; None where the folder already has labels or an image of that name.
        """
        if item.rgb is None:
            raise ValueError("an item without an image has no proposals")
        target, original = self._target(item), _file_of(item)
        image = self.folder / IMAGES / f"{target.stem}{'.png' if original is None else original.suffix}"
        if target.exists() or (image.exists() and original != image.resolve()):
            return None
        if not image.exists():
            with atomic_path(image) as fresh:
                if original is None:
                    Image.fromarray(shown(item.rgb)).save(fresh, "PNG")
                else:
                    shutil.copyfile(original, fresh)
        height, width = item.rgb.shape[:2]
        write_json_atomic(target, labelme_document(f"../{IMAGES}/{image.name}", width, height, shapes))
        return target

    def has_labels(self, item: SourceItem) -> bool:
        """Whether an image has labels: in this folder, beside it, or in `annotations/` beside its folder."""
        path = _file_of(item)
        there = [self._target(item)]
        if path is not None:
            there += [path.with_suffix(".json"), path.parent.parent / ANNOTATIONS / f"{path.stem}.json"]
        return any(file.is_file() for file in there)

    def _target(self, item: SourceItem) -> Path:
        return self.folder / ANNOTATIONS / f"{'_'.join(item.name.parts)}.json"


def _file_of(item: SourceItem) -> Path | None:
    """The image file of an item; None for a page, a frame, a download or an array."""
    if item.input_path is None or item.page_index is not None or not is_file(item.input_path):
        return None
    return Path(item.input_path).resolve()
