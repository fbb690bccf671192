"""Results as PaddleX gives them: a mapping that prints itself and saves itself as JSON and images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from segcli.data.classes import ClassMap
from segcli.data.files import write_text_atomic
from segcli.data.image import IMAGE_SUFFIXES, Labels, StrPath
from segcli.data.sources import SourceItem
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import (
    JsonForm,
    compact_values,
    full_json,
    label_image,
    overlay_image,
    save_label_map,
    save_overlay,
    to_json,
)

Ending = Literal["_res.json", "_res.png", "_overlay.jpg"]


class SegResult(dict[str, Any]):
    """The label map of one image, with PaddleX's keys `input_path`, `page_index`, `pred` (int32 [1, H, W]).

    Attributes:
        name: Relative path for files, without suffix.
        labels: The label map, uint8 [H, W].
        image: The image, RGB.
        classes: The classes.
    """

    def __init__(self, item: SourceItem, labels: Labels, classes: ClassMap) -> None:
        if item.rgb is None:
            raise ValueError("an item without an image has no result")
        super().__init__(input_path=item.input_path, page_index=item.page_index, pred=labels[None].astype(np.int32))
        self.name = item.name
        self.labels = labels
        self.rgb = item.rgb
        self.classes = classes

    @property
    def json(self) -> dict[str, Any]:
        """All values as plain ones, under ``res``; `pred` is a nested list."""
        return {"res": {**self, "pred": self["pred"].tolist()}}

    @property
    def img(self) -> dict[str, Image.Image]:
        """``res``: the label map in colours; ``overlay``: the image under it, with a legend."""
        return {
            "res": label_image(self.labels, self.classes).convert("RGB"),
            "overlay": Image.fromarray(overlay_image(self.rgb, self.labels, self.classes)),
        }

    @property
    def str(self) -> dict[str, Any]:
        """The values for reading: `pred` is left out."""
        return {"res": {**self, "pred": "..."}}

    def print(self, json_format: bool = False, indent: int = 4, ensure_ascii: bool = False) -> None:
        """Writes `str` to the terminal, as indented JSON on request."""
        values = self.str
        text = to_json(values, indent=indent, ensure_ascii=ensure_ascii) if json_format else repr(values)
        sys.stdout.write(f"{text}\n")

    def save_to_json(
        self, save_path: StrPath, indent: int = 4, ensure_ascii: bool = False, *, form: JsonForm = "full"
    ) -> Path:
        """Writes JSON.

        Args:
            save_path: A ``.json`` file, or a folder for ``<name>_res.json``.
            indent: Blanks a level; the rows of `pred` are always one line each.
            ensure_ascii: Escapes what is not ASCII.
            form: ``full`` is PaddleX's, with every pixel; ``compact`` has pixel counts by class name instead.

        Returns:
            The file.
        """
        path = Path(save_path)
        target = path if path.suffix == ".json" else self._in_folder(path, "_res.json")
        if form == "full":
            text = full_json(self, self.labels, indent=indent, ensure_ascii=ensure_ascii)
        else:
            values = compact_values(self["input_path"], self["page_index"], self.labels, self.classes)
            text = to_json(values, indent=indent, ensure_ascii=ensure_ascii)
        write_text_atomic(target, text + "\n")
        return target

    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the label map and the overlay.

        Args:
            save_path: An image file for the label map alone (PNG keeps the ids), or a folder for ``<name>_res.png``
                (a palette PNG whose pixels are the ids) and ``<name>_overlay.jpg``.

        Returns:
            The file of the label map.
        """
        path = Path(save_path)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            save_label_map(path, self.labels, self.classes)
            return path
        target = self._in_folder(path, "_res.png")
        save_label_map(target, self.labels, self.classes)
        save_overlay(self._in_folder(path, "_overlay.jpg"), self.rgb, self.labels, self.classes)
        return target

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes what the `predict` command leaves: JSON, label map and overlay."""
        label_map = self._in_folder(folder, "_res.png")
        overlay = self._in_folder(folder, "_overlay.jpg")
        save_label_map(label_map, self.labels, self.classes)
        save_overlay(overlay, self.rgb, self.labels, self.classes)
        json = self.save_to_json(folder, form=form)
        files = {"json": json.as_posix(), "label_map": label_map.as_posix(), "overlay": overlay.as_posix()}
        height, width = self.labels.shape
        return Predicted(self["input_path"], self["page_index"], (height, width), files)

    def save_all(self, save_path: StrPath) -> None:
        """Writes all files into a folder."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def _in_folder(self, folder: Path, ending: Ending) -> Path:
        return folder / self.name.with_name(f"{self.name.name}{ending}")
