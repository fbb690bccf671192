"""Results of promptable models: PaddleX's mapping, and files that other steps and tools read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from segcli.data.classes import ClassMap
from segcli.data.files import atomic_path, write_text_atomic
from segcli.data.image import StrPath
from segcli.data.sources import SourceItem
from segcli.promptable.masks import PromptedMask
from segcli.promptable.prompts import ObjectPrompt
from segcli.report.objects import DrawnObject, draw_objects
from segcli.steps.predict.promptable_files import coco_document, labelme_document, place_image
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm, to_json

FileFormat = Literal["overlay", "png", "labelme", "coco"]
Text = str
"""The class below has a property called `str`, which hides the type from its annotations."""
BOX, POINT, TEXT = "box_prompt", "point_prompt", "text_prompt"


class PromptedResult(dict[str, Any]):
    """The masks of one image, with PaddleX's keys `input_path`, `prompts`, `masks` (int8 [H, W] each), `mask_infos`.

    `masks` are decoded when they are asked for: ``result["masks"]``.

    Attributes:
        name: Relative path for files, without suffix.
        image: The image, RGB.
        answers: The masks as run-length codes, with score, area, box and stability.
        formats: Files to write beside the JSON.
    """

    def __init__(self, item: SourceItem, answers: Sequence[PromptedMask], formats: Sequence[FileFormat] = ()) -> None:
        if item.rgb is None:
            raise ValueError("an item without an image has no result")
        super().__init__(
            input_path=item.input_path,
            page_index=item.page_index,
            prompts=_echo([answer.prompt for answer in answers]),
            mask_infos=[_info(answer) for answer in answers],
        )
        self.name, self.rgb = item.name, item.rgb
        self.answers, self.formats = tuple(answers), tuple(formats)

    def __missing__(self, key: Any) -> Any:
        if key == "masks":
            return [answer.mask.astype(np.int8) for answer in self.answers]
        if key == "input_img":
            return self.rgb
        raise KeyError(key)

    @property
    def json(self) -> dict[str, Any]:
        """All values as plain ones, under ``res``; `masks` are nested lists, as in PaddleX."""
        return {"res": {**self, "masks": [mask.tolist() for mask in self["masks"]]}}

    @property
    def img(self) -> dict[str, Image.Image]:
        """``res``: the image with masks and prompts."""
        return {"res": Image.fromarray(self.overlay())}

    @property
    def str(self) -> dict[str, Any]:
        """The values for reading: `masks` are left out."""
        return {"res": {**self, "masks": "..."}}

    def print(self, json_format: bool = False, indent: int = 4, ensure_ascii: bool = False) -> None:
        """Writes `str` to the terminal, as indented JSON on request."""
        text = to_json(self.str, indent=indent, ensure_ascii=ensure_ascii) if json_format else repr(self.str)
        sys.stdout.write(f"{text}\n")

    def overlay(self) -> np.ndarray[Any, Any]:
        """The image with its masks, RGB uint8."""
        labels = [_label(answer, number) for number, answer in enumerate(self.answers, start=1)]
        names = tuple(dict.fromkeys(labels)) or ("nothing",)
        drawn = []
        for answer, label in zip(self.answers, labels, strict=True):
            x, y, width, height = answer.bbox
            box = (float(x), float(y), float(x + width), float(y + height))
            drawn.append(DrawnObject(answer.rle, answer.prompt.box or box, names.index(label), label))
        return draw_objects(self.rgb, drawn, ClassMap(names))

    def save_to_json(
        self, save_path: StrPath, indent: int = 4, ensure_ascii: bool = False, *, form: JsonForm = "full"
    ) -> Path:
        """Writes JSON; ``full`` is PaddleX's with every pixel, ``compact`` has COCO's run-length codes."""
        path = Path(save_path)
        target = path if path.suffix == ".json" else _in_folder(self.name, path, "_res.json")
        if form == "full":
            values = self.json["res"]
        else:
            values = {**self, "size": list(self.rgb.shape[:2]), "masks": [answer.rle for answer in self.answers]}
        write_text_atomic(target, to_json(values, indent=indent, ensure_ascii=ensure_ascii) + "\n")
        return target

    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the image with its masks: to an image file, or into a folder as ``<name>_res.jpg``."""
        path = Path(save_path)
        target = path if path.suffix else _in_folder(self.name, path, "_res.jpg")
        _save_image(target, Image.fromarray(self.overlay()))
        return target

    def save_all(self, save_path: StrPath) -> None:
        """Writes all files into a folder."""
        self.save_to_json(save_path)
        self.save_to_img(save_path)

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes what the `predict` command leaves: JSON, and the wanted files."""
        files = {"json": self.save_to_json(folder, form=form).as_posix()}
        if "overlay" in self.formats:
            target = _in_folder(self.name, folder, "_overlay.jpg")
            _save_image(target, Image.fromarray(self.overlay()))
            files["overlay"] = target.as_posix()
        if "png" in self.formats:
            for number, answer in enumerate(self.answers, start=1):
                target = _in_folder(self.name, folder, f"_mask_{number}.png")
                _save_image(target, Image.fromarray(answer.mask.astype(np.uint8) * 255))
                files[f"mask_{number}"] = target.as_posix()
        if "labelme" in self.formats:
            document = labelme_document(self._placed(folder / "labelme"), self.rgb, self.answers)
            files["labelme"] = self._write(folder / "labelme" / "annotations", ".json", document)
        if "coco" in self.formats:
            document = coco_document(self._placed(folder / "coco"), self.rgb, self.answers)
            files["coco"] = self._write(folder, "_coco.json", document)  # joined when all images are done
        height, width = self.rgb.shape[:2]
        return Predicted(self["input_path"], self["page_index"], (height, width), files)

    def _placed(self, folder: Path) -> Text:
        """Puts the image into a dataset and names it."""
        original = self["input_path"] if self["page_index"] is None else None
        return place_image(folder, self.name, original, self.rgb)

    def _write(self, folder: Path, ending: Text, document: dict[Any, Any]) -> Text:
        target = _in_folder(self.name, folder, ending)
        write_text_atomic(target, to_json(document, indent=2, ensure_ascii=False) + "\n")
        return target.as_posix()


def _in_folder(name: Path, folder: Path, ending: str) -> Path:
    return folder / name.with_name(f"{name.name}{ending}")


def _save_image(path: Path, image: Image.Image) -> None:
    with atomic_path(path) as temporary:
        image.save(temporary)


def _kind(prompt: ObjectPrompt) -> str:
    if prompt.text is not None:
        return TEXT
    return BOX if prompt.box is not None else POINT


def _value(prompt: ObjectPrompt) -> Any:
    """The prompt in PaddleX's words: a box, a point, or a list of points with their labels."""
    if prompt.text is not None:
        return prompt.text
    if prompt.box is not None:
        return list(prompt.box)
    points = [[point.x, point.y] if point.label == 1 else [point.x, point.y, 0] for point in prompt.points]
    return points[0] if len(points) == 1 else points


def _echo(prompts: Sequence[ObjectPrompt]) -> dict[str, list[Any]]:
    echo: dict[str, list[Any]] = {}
    for prompt in dict.fromkeys(prompts):
        echo.setdefault(_kind(prompt), []).append(_value(prompt))
    return echo


def _info(answer: PromptedMask) -> dict[str, Any]:
    prompt = answer.prompt
    extra = [[point.x, point.y, point.label] for point in prompt.points]
    return {
        "label": _kind(prompt),
        "prompt": _value(prompt),
        **({"points": extra} if prompt.box is not None and extra else {}),
        **({"name": prompt.label} if prompt.label else {}),
        "score": round(answer.score, 6),
        "area": answer.area_px,
        "bbox": list(answer.bbox),
        "stability": round(answer.stability, 6),
        "choice": answer.choice,
    }


def _label(answer: PromptedMask, number: int) -> str:
    return answer.prompt.label or answer.prompt.text or f"object {number}"
