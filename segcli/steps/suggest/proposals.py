"""Writes the proposals of a model as a LabelMe dataset: `images/` and `annotations/`, to correct by hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from segcli.data.classes import NO_CLASSES
from segcli.data.files import (
    atomic_path,
    is_file,
    read_bytes,
    write_bytes_atomic,
    write_json_atomic,
    write_text_atomic,
)
from segcli.data.formats.labelme_dataset import LABEL_FILES, LIST_FILES
from segcli.data.formats.labelme_writer import labelme_document
from segcli.data.image import shown
from segcli.data.lists import decode_text
from segcli.data.samples import Split
from segcli.data.sources import SourceItem
from segcli.data.walk import files_below

IMAGES, ANNOTATIONS = "images", "annotations"


class ProposalFolder:
    """A LabelMe dataset for proposals; existing images and labels are never overwritten.

    A new folder gets the classes of the model as its `label.txt`, so that a dataset made from it has them in the order
    of the weights. A dataset whose `train_anno_list.txt` names its files gets the new ones there, too.

    Args:
        folder: A new folder, or the folder of a LabelMe dataset.
        classes: Names of the model's classes.
    """

    def __init__(self, folder: Path, classes: Sequence[str] = ()) -> None:
        self.folder = folder
        self._classes = [name for name in classes if name not in NO_CLASSES]

    def write(self, item: SourceItem, shapes: list[dict[str, Any]]) -> Path | None:
        """Adds an image and the file of its shapes.

        Returns:
            The file; None where the folder already has labels or an image of that name.
        """
        if item.rgb is None:
            raise ValueError("an item without an image has no proposals")
        target, original = self._target(item), file_of(item)
        image = self.folder / IMAGES / f"{target.stem}{'.png' if original is None else original.suffix}"
        if target.exists() or (image.exists() and original != image.resolve()):
            return None
        self._write_classes()
        if not image.exists():
            with atomic_path(image) as fresh:
                if original is None:
                    Image.fromarray(shown(item.rgb)).save(fresh, "PNG")
                else:
                    shutil.copyfile(original, fresh)
        height, width = item.rgb.shape[:2]
        write_json_atomic(target, labelme_document(f"../{IMAGES}/{image.name}", width, height, shapes))
        self._enlist(target)
        return target

    def _write_classes(self) -> None:
        """Writes `label.txt` into a folder that held no LabelMe files before the first proposal."""
        there = any((self.folder / name).is_file() for name in LABEL_FILES)
        if self._classes and not there and not files_below(self.folder, (".json",)):
            write_text_atomic(self.folder / LABEL_FILES[0], "".join(f"{name}\n" for name in self._classes))
        self._classes = []

    def _enlist(self, target: Path) -> None:
        """Adds a file to the end of the list of the training split, where the dataset has one."""
        path = self.folder / LIST_FILES[Split.TRAIN]
        if not path.is_file():
            return
        content = read_bytes(path)
        text, encoding, _ = decode_text(content, self._names_files)
        added = ("" if not text or text.endswith("\n") else "\n") + f"{target.relative_to(self.folder).as_posix()}\n"
        if encoding == "utf-16":
            content = (text + added).encode(encoding)
        else:  # a byte order mark belongs to the beginning alone
            content += added.encode("utf-8" if encoding == "utf-8-sig" else encoding)
        write_bytes_atomic(path, content)

    def _names_files(self, text: str) -> bool:
        return all(is_file(self.folder / line.strip()) for line in text.splitlines() if line.strip())

    def has_labels(self, item: SourceItem) -> bool:
        """Whether an image has labels: in this folder, beside it, or in `annotations/` beside its folder."""
        path = file_of(item)
        there = [self._target(item)]
        if path is not None:
            there += [path.with_suffix(".json"), path.parent.parent / ANNOTATIONS / f"{path.stem}.json"]
        return any(file.is_file() for file in there)

    def _target(self, item: SourceItem) -> Path:
        return self.folder / ANNOTATIONS / f"{'_'.join(item.name.parts)}.json"


def file_of(item: SourceItem) -> Path | None:
    """The image file of an item; None for a page, a frame, a download or an array."""
    if item.input_path is None or item.page_index is not None or not is_file(item.input_path):
        return None
    return Path(item.input_path).resolve()
