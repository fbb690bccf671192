"""Base class of the results of all tasks: PaddleX's mapping that can print and save itself."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segcli.config.schema import SlidingWindowConfig
from segcli.data.classes import BACKGROUND_NAME, ClassMap
from segcli.data.files import write_json_atomic, write_text_atomic
from segcli.data.image import Labels, StrPath, shown
from segcli.data.sources import SourceItem
from segcli.data.suffixes import IMAGE_SUFFIXES
from segcli.data.tiff_writer import TILE_PX, Tag, geo_tags
from segcli.data.windows import preview, preview_factor
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm, to_json

if TYPE_CHECKING:
    from segcli.data.rle import Rle
    from segcli.steps.predict.found_object import FoundObject

INPUT_IMG = "input_img"
_MOST_IDS = 254
"""Most object classes in a label map; 0 is background and 255 is for ignored pixels."""
_PREVIEW_PX = 2048
"""Longest side in pixels of the overlay of an image that is read in windows."""
Text = str
"""Alias of `str`: the class below has a property of that name, which would hide the type in annotations."""


class LeftOutError(Exception):
    """A kind of file cannot be made for a result; the message says why."""


class MaskList(Sequence[NDArray[Any]]):
    """A read-only list of masks that stores run-length codes and decodes each mask on access.

    Args:
        codes: The masks, all of the image size.
        decode: Returns the array of the mask at an index.
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
    """The result of one image, a dictionary with PaddleX's keys.

    Every result has `input_path`, `page_index` and `input_img` (RGB, uint8 [H, W, 3]), which is left out of JSON and
    terminal output.

    Attributes:
        name: Relative path for result files, without suffix.
        rgb: The image, or a downscaled copy of an image that is read in windows.
        size: Height and width of the image in pixels.
        in_windows: Whether the image is read in windows; its maps are written in strips.
        shrunk: Factor by which `rgb` is smaller than the image; 1 for the image itself.
        source: Reads windows of the image.
        tiles: The tiles into which it was cut for the network; None where it was processed whole.
        clip: The video or stream of the frame; None for other images.
    """

    pixels: ClassVar[Text]
    """The key whose arrays are left out of printed output."""
    unit: ClassVar[Text]
    """What `found` counts."""

    def __init__(self, item: SourceItem, values: dict[Text, Any], tiles: SlidingWindowConfig | None = None) -> None:
        if item.windows is None:
            raise ValueError("an item without an image has no result")
        self.source = item.windows
        self.size = self.source.size
        self.in_windows = item.rgb is None
        self.shrunk = preview_factor(self.size, _PREVIEW_PX) if self.in_windows else 1
        self.rgb = preview(self.source, _PREVIEW_PX) if item.rgb is None else shown(item.rgb)
        super().__init__({"input_path": item.input_path, "page_index": item.page_index, INPUT_IMG: self.rgb, **values})
        self.name = item.name
        self.tiles = tiles
        self.clip = item.clip

    @property
    @abstractmethod
    def found(self) -> dict[Text, int]:
        """Amount per class, by name, in `unit`."""

    @abstractmethod
    def annotated(self, *, legend: bool = False) -> NDArray[np.uint8]:
        """The image with the result drawn over it, and a legend below if requested: RGB, uint8 [H, W, 3]."""

    @property
    @abstractmethod
    def objects(self) -> Sequence[FoundObject]:
        """The objects of the result; for a label map, the connected regions of each class except the background.

        Raises:
            LeftOutError: The image is too large for that.
        """

    @property
    @abstractmethod
    def object_classes(self) -> tuple[Text, ...]:
        """Names of the classes of objects, in the order of their ids."""

    def label_of(self, one: FoundObject) -> int:
        """The value of an object's pixels in the label map of `label_strips`."""
        return one.class_id + 1

    def label_strips(self) -> tuple[Iterator[Labels], ClassMap]:
        """A label map and its classes; in strips of `TILE_PX` rows for an image that is read in windows.

        For objects, 0 is background and class ids count from 1; the object with the higher score is on top.

        Raises:
            LeftOutError: There are more classes than a label map can hold.
        """
        if len(self.object_classes) > _MOST_IDS:
            raise LeftOutError(f"a label map holds {_MOST_IDS} classes of objects, not {len(self.object_classes)}")
        labels = self._painted(self.label_of)
        return self._strips(labels), ClassMap((BACKGROUND_NAME, *self.object_classes))

    def confidence_map(self) -> Labels:
        """Confidence per pixel, uint8 [H, W], where 255 is 1; for objects, the highest score at the pixel.

        Raises:
            LeftOutError: It is not known.
        """
        return self._painted(lambda one: 255 if one.score is None else round(255 * min(max(one.score, 0.0), 1.0)))

    def entropy_map(self) -> Labels:
        """Entropy of the class probabilities per pixel, uint8 [H, W], where 255 is the maximum.

        Raises:
            LeftOutError: It is not known.
        """
        raise LeftOutError("objects have one score each, not probabilities per pixel")

    def confidence_strips(self) -> Iterator[Labels]:
        """`confidence_map` from top to bottom, cut as `label_strips` is."""
        return self._strips(self.confidence_map())

    def entropy_strips(self) -> Iterator[Labels]:
        """`entropy_map` from top to bottom, cut as `label_strips` is."""
        return self._strips(self.entropy_map())

    def _strips(self, values: Labels) -> Iterator[Labels]:
        rows = TILE_PX if self.in_windows else max(1, self.size[0])
        return (values[top : top + rows] for top in range(0, self.size[0], rows))

    @property
    def geo_tags(self) -> list[Tag]:
        """The GeoTIFF tags with the image's position on the Earth; empty where there are none."""
        return [] if self.file is None else geo_tags(Path(self.file))

    def _painted(self, value_of: Callable[[FoundObject], int]) -> Labels:
        painted = np.zeros(self.size, np.uint8)
        for one in sorted(self.objects, key=lambda one: 0.0 if one.score is None else one.score):
            if one.mask.crop is not None:
                pixels, left, top = one.mask.crop
                part = painted[top : top + pixels.shape[0], left : left + pixels.shape[1]]
                part[pixels > 0] = value_of(one)
        return painted

    @property
    def file(self) -> Text | None:
        """The file of the image; None for a page, a frame, a URL or an array."""
        given: Text | None = self["input_path"]
        is_file = given is not None and self["page_index"] is None and Path(given).is_file()
        return given if is_file else None

    @property
    @abstractmethod
    def compact(self) -> dict[Text, Any]:
        """The values with run-length codes or counts instead of pixels."""

    @property
    def _streamed(self) -> dict[Text, Any]:
        """`compact`, in which a list may be an iterator; see `segcli.data.json_writer.json_pieces`."""
        return self.compact

    @property
    def plain(self) -> dict[Text, Any]:
        """All values except the image."""
        return {key: value for key, value in self.items() if key != INPUT_IMG}

    @property
    def json(self) -> dict[Text, Any]:
        """All values except the image as plain values, under ``res``; arrays become nested lists."""
        found = self[self.pixels]
        lists = found.tolist() if isinstance(found, np.ndarray) else [mask.tolist() for mask in found]
        return {"res": {**self.plain, self.pixels: lists}}

    @property
    @abstractmethod
    def img(self) -> dict[Text, Image.Image]:
        """``res``: the image that PaddleX's result of this task shows."""

    @property
    def str(self) -> dict[Text, Any]:
        """The values for printing, without arrays."""
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
            format_json: Whether to print indented JSON; the name in PaddleX's tutorials.
            indent: Blanks a level.
            ensure_ascii: Escapes what is not ASCII.
            json_format: The same as `format_json`; the name in PaddleX's code.
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
            form: ``full`` is PaddleX's JSON with every pixel; ``compact`` has run-length codes or counts instead.

        Returns:
            The file.
        """
        path = Path(save_path)
        target = path if path.suffix == ".json" else self.path_in(path, "_res.json")
        if form == "full":
            write_text_atomic(target, self._full_json(indent=indent, ensure_ascii=ensure_ascii) + "\n")
        else:
            write_json_atomic(target, self._streamed, indent=indent, ensure_ascii=ensure_ascii)
        return target

    @abstractmethod
    def _full_json(self, *, indent: int, ensure_ascii: bool) -> Text:
        """PaddleX's JSON, with every pixel."""

    @abstractmethod
    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the image of the result to an image file or into a folder; returns the file."""

    @abstractmethod
    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes the files of the `predict` command for one image; the JSON comes last and marks them complete."""

    def save_all(self, save_path: StrPath) -> None:
        """Writes all files into a folder."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def predicted(self, files: dict[Text, Path]) -> Predicted:
        """The summary of the image, with the files that were written."""
        paths = {kind: path.as_posix() for kind, path in files.items()}
        return Predicted(
            self["input_path"], self["page_index"], self.size, paths, self.found, self.unit, tiles=self.tiling
        )

    @property
    def tiling(self) -> dict[Text, Any] | None:
        """The tiles as plain values."""
        return None if self.tiles is None else self.tiles.model_dump(mode="json")

    def _tiles_json(self) -> dict[Text, Any]:
        """The tiles for JSON; empty where the image was not tiled."""
        return {} if self.tiles is None else {"tiles": self.tiling}

    def _image_file(self, save_path: StrPath, ending: Text) -> tuple[Path, bool]:
        """The image file to write, and whether `save_path` names the file itself rather than a folder."""
        path = Path(save_path)
        named = path.suffix.lower() in IMAGE_SUFFIXES
        return (path if named else self.path_in(path, ending)), named

    def path_in(self, folder: Path, ending: Text) -> Path:
        """The path of a result file of this image in a folder; `ending` is appended to the name."""
        return folder / self.name.with_name(f"{self.name.name}{ending}")
