"""What the results of all tasks have in common: PaddleX's mapping that prints itself and saves itself."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.config.schema import SlidingWindowConfig
from segcli.data.files import write_text_atomic
from segcli.data.image import IMAGE_SUFFIXES, StrPath, shown
from segcli.data.rle import Rle
from segcli.data.sources import SourceItem
from segcli.data.windows import preview, preview_factor
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm, to_json

INPUT_IMG = "input_img"
_PREVIEW_PX = 2048
"""Longest side of the drawing of an image that is read in parts."""
Text = str
"""The class below has a property called `str`, which hides the type from its annotations."""


class MaskList(Sequence[NDArray[Any]]):
    """Masks to read like a list of arrays, each decoded when it is taken, at the cost of their run-length codes.

    Args:
        codes: The masks, all of the image's size.
        decode: Makes the array of the mask at a place.
    """

    def __init__(self, codes: Sequence[Rle], decode: Callable[[int], NDArray[Any]]) -> None:
        self._codes, self._decode = tuple(codes), decode

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, place: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[NDArray[Any]]: ...
    def __getitem__(self, place: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        places = range(len(self._codes))[place]
        return self._decode(places) if isinstance(places, int) else [self._decode(index) for index in places]

    def __repr__(self) -> str:
        return f"<{len(self)} masks>"


class ImageResult(dict[str, Any], ABC):
    """What was found in one image, a dictionary with PaddleX's keys.

    Every result has `input_path`, `page_index` and `input_img` (RGB, uint8 [H, W, 3]), which JSON and
    terminal leave out.

    Attributes:
        name: Relative path for files, without suffix.
        rgb: The image, or a small one of an image that is read in parts.
        size: Height and width of the image.
        shrunk: By how much `rgb` is smaller: 1 where it is the image.
        source: The image part by part.
        tiles: Into which it was cut for the network; None where that saw it whole.
        clip: The video or stream that it is a frame of.
    """

    pixels: ClassVar[Text]
    """The key whose arrays are left out of what is printed."""
    unit: ClassVar[Text]
    """What `found` counts."""

    def __init__(self, item: SourceItem, values: dict[Text, Any], tiles: SlidingWindowConfig | None = None) -> None:
        if item.windows is None:
            raise ValueError("an item without an image has no result")
        self.source = item.windows
        self.size = self.source.size
        is_large = item.rgb is None
        self.shrunk = preview_factor(self.size, _PREVIEW_PX) if is_large else 1
        self.rgb = preview(self.source, _PREVIEW_PX) if item.rgb is None else shown(item.rgb)
        super().__init__({"input_path": item.input_path, "page_index": item.page_index, INPUT_IMG: self.rgb, **values})
        self.name = item.name
        self.tiles = tiles
        self.clip = item.clip

    @property
    @abstractmethod
    def found(self) -> dict[Text, int]:
        """How much of each class there is, by name."""

    @abstractmethod
    def annotated(self) -> NDArray[np.uint8]:
        """The image with what was found drawn over it, without a legend: RGB, uint8 [H, W, 3]."""

    @property
    @abstractmethod
    def compact(self) -> dict[Text, Any]:
        """The values with run-length codes or counts in place of pixels."""

    @property
    def plain(self) -> dict[Text, Any]:
        """All values but the image."""
        return {key: value for key, value in self.items() if key != INPUT_IMG}

    @property
    def json(self) -> dict[Text, Any]:
        """All values but the image as plain ones, under ``res``; arrays are nested lists."""
        found = self[self.pixels]
        lists = found.tolist() if isinstance(found, np.ndarray) else [mask.tolist() for mask in found]
        return {"res": {**self.plain, self.pixels: lists}}

    @property
    @abstractmethod
    def img(self) -> dict[Text, Image.Image]:
        """``res``: the image that PaddleX's result of this task shows."""

    @property
    def str(self) -> dict[Text, Any]:
        """The values for reading: arrays are left out."""
        return {"res": {**self.plain, self.pixels: "..."}}

    def print(
        self,
        format_json: bool = False,
        indent: int = 4,
        ensure_ascii: bool = False,
        *,
        json_format: bool | None = None,
    ) -> None:
        """Writes `str` to the terminal.

        Args:
            format_json: As indented JSON; PaddleX's tutorials call it so.
            indent: Blanks a level.
            ensure_ascii: Escapes what is not ASCII.
            json_format: The same as `format_json`, as PaddleX's code calls it.
        """
        as_json = format_json if json_format is None else json_format
        text = to_json(self.str, indent=indent, ensure_ascii=ensure_ascii) if as_json else repr(self.str)
        sys.stdout.write(f"{text}\n")

    def save_to_json(
        self, save_path: StrPath, indent: int = 4, ensure_ascii: bool = False, *, form: JsonForm = "full"
    ) -> Path:
        """Writes JSON.

        Args:
            save_path: A ``.json`` file, or a folder for ``<name>_res.json``.
            indent: Blanks a level.
            ensure_ascii: Escapes what is not ASCII.
            form: ``full`` is PaddleX's, with every pixel; ``compact`` holds run-length codes or counts instead.

        Returns:
            The file.
        """
        path = Path(save_path)
        target = path if path.suffix == ".json" else self._in_folder(path, "_res.json")
        if form == "full":
            text = self._full_json(indent=indent, ensure_ascii=ensure_ascii)
        else:
            text = to_json(self.compact, indent=indent, ensure_ascii=ensure_ascii)
        write_text_atomic(target, text + "\n")
        return target

    @abstractmethod
    def _full_json(self, *, indent: int, ensure_ascii: bool) -> Text:
        """PaddleX's JSON, with every pixel."""

    @abstractmethod
    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the image of the result to an image file or into a folder; returns the file."""

    @abstractmethod
    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes what the `predict` command leaves for one image; the JSON last: where it is, all are."""

    def save_all(self, save_path: StrPath) -> None:
        """Writes all files into a folder."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def _predicted(self, files: dict[Text, Path]) -> Predicted:
        paths = {kind: path.as_posix() for kind, path in files.items()}
        return Predicted(
            self["input_path"], self["page_index"], self.size, paths, self.found, self.unit, tiles=self.tiling
        )

    @property
    def tiling(self) -> dict[Text, Any] | None:
        """The tiles as plain values."""
        return None if self.tiles is None else self.tiles.model_dump(mode="json")

    def _told(self) -> dict[Text, Any]:
        """The tiles for JSON, where there are some."""
        return {} if self.tiles is None else {"tiles": self.tiling}

    def _image_file(self, save_path: StrPath, ending: Text) -> tuple[Path, bool]:
        """The image file that is meant, and whether it was named (and not the folder for it)."""
        path = Path(save_path)
        named = path.suffix.lower() in IMAGE_SUFFIXES
        return (path if named else self._in_folder(path, ending)), named

    def _in_folder(self, folder: Path, ending: Text) -> Path:
        return folder / self.name.with_name(f"{self.name.name}{ending}")
