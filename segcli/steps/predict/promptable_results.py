"""Results of promptable models: PaddleX's mapping, and files that other steps and tools read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from PIL import Image

from segcli.data.classes import ClassMap
from segcli.data.files import atomic_path, write_text_atomic
from segcli.data.image import StrPath
from segcli.data.sources import SourceItem
from segcli.data.traced_mask import TracedMask
from segcli.promptable.masks import PromptMask
from segcli.promptable.prompts import ObjectPrompt
from segcli.report.objects import DrawnObject, draw_objects
from segcli.steps.predict.found_object import FoundObject
from segcli.steps.predict.image_result import ImageResult, MaskList, Text
from segcli.steps.predict.promptable_files import NAMELESS, coco_document, labelme_document, place_image
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm, to_json

FileFormat = Literal["overlay", "png", "labelme", "coco"]
BOX, POINT, TEXT = "box_prompt", "point_prompt", "text_prompt"


class PromptableResult(ImageResult):
    """The masks of one image, with PaddleX's keys `prompts`, `masks` (int8 [H, W] each) and `mask_infos`.

    Attributes:
        answers: The masks as run-length codes, with score, area, box and stability.
        traced: The masks, each decoded and traced once for the overlay, the objects and the reply.
        formats: Kinds of files to write beside the JSON.
    """

    pixels: ClassVar[Text] = "masks"
    unit: ClassVar[Text] = "masks"

    def __init__(self, item: SourceItem, answers: Sequence[PromptMask], formats: Sequence[FileFormat] = ()) -> None:
        answers = tuple(answers)
        codes = [answer.rle for answer in answers]
        values = {
            "prompts": _echo([answer.prompt for answer in answers]),
            "masks": MaskList(codes, partial(_mask_at, answers)),
            "mask_infos": [_info(answer) for answer in answers],
        }
        super().__init__(item, values)
        self.answers, self.formats = answers, tuple(formats)
        self.traced = tuple(map(TracedMask, codes))

    @property
    def img(self) -> dict[Text, Image.Image]:
        """``res``: the image with masks and prompts."""
        return {"res": Image.fromarray(self.overlay())}

    @property
    def found(self) -> dict[Text, int]:
        """Number of non-empty masks per label."""
        labels = [_label(answer, number) for number, answer in enumerate(self.answers, start=1) if answer.area_px]
        return dict(Counter(labels).most_common())

    def annotated(self, *, legend: bool = False) -> np.ndarray[Any, Any]:
        """The image with its masks."""
        return self.overlay(legend=legend)

    @property
    def objects(self) -> tuple[FoundObject, ...]:
        """The masks as objects; a mask without a name is called `object`."""
        names = self.object_classes
        return tuple(
            FoundObject(label, names.index(label), answer.score, mask)
            for answer, label, mask in zip(self.answers, self._labels, self.traced, strict=True)
        )

    @property
    def object_classes(self) -> tuple[Text, ...]:
        """The names of the masks."""
        return tuple(dict.fromkeys(self._labels))

    @property
    def _labels(self) -> list[Text]:
        return [answer.prompt.label or answer.prompt.text or NAMELESS for answer in self.answers]

    def overlay(self, *, legend: bool = True) -> np.ndarray[Any, Any]:
        """The image with its masks and a legend, RGB uint8."""
        labels = [_label(answer, number) for number, answer in enumerate(self.answers, start=1)]
        names = tuple(dict.fromkeys(labels)) or ("nothing",)
        drawn = []
        for answer, label, mask in zip(self.answers, labels, self.traced, strict=True):
            x, y, width, height = answer.bbox
            box = (float(x), float(y), float(x + width), float(y + height))
            drawn.append(DrawnObject(mask, answer.prompt.box or box, names.index(label), label))
        return draw_objects(self.rgb, drawn, ClassMap(names), legend=legend)

    @property
    def compact(self) -> dict[Text, Any]:
        """The prompts and facts about their masks, with the masks as COCO's run-length codes."""
        return {**self.plain, "size": list(self.rgb.shape[:2]), "masks": [answer.rle for answer in self.answers]}

    def _full_json(self, *, indent: int, ensure_ascii: bool) -> Text:
        return to_json(self.json["res"], indent=indent, ensure_ascii=ensure_ascii)

    def save_to_img(self, save_path: StrPath) -> Path:
        """Writes the image with its masks: to an image file, or into a folder as ``<name>_res.jpg``."""
        target, _ = self._image_file(save_path, "_res.jpg")
        _save_image(target, Image.fromarray(self.overlay()))
        return target

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes the files of the `predict` command: JSON and the requested kinds."""
        files: dict[Text, Path] = {}
        if "overlay" in self.formats:
            files["overlay"] = self.path_in(folder, "_overlay.jpg")
            _save_image(files["overlay"], Image.fromarray(self.overlay()))
        if "png" in self.formats:
            for number, answer in enumerate(self.answers, start=1):
                files[f"mask_{number}"] = self.path_in(folder, f"_mask_{number}.png")
                _save_image(files[f"mask_{number}"], Image.fromarray(answer.mask.astype(np.uint8) * 255))
        if "labelme" in self.formats:
            document = labelme_document(self._placed(folder / "labelme"), self.rgb, self.answers)
            files["labelme"] = self._write(folder / "labelme" / "annotations", ".json", document)
        if "coco" in self.formats:
            document = coco_document(self._placed(folder / "coco"), self.rgb, self.answers)
            files["coco"] = self._write(folder, "_coco.json", document)  # joined when all images are done
        files["json"] = self.save_to_json(folder, form=form)
        return self.predicted(files)

    def _placed(self, folder: Path) -> Text:
        """Puts the image into a dataset and returns its path there."""
        original = self["input_path"] if self["page_index"] is None else None
        return place_image(folder, self.name, original, self.rgb)

    def _write(self, folder: Path, ending: Text, document: dict[Any, Any]) -> Path:
        target = self.path_in(folder, ending)
        write_text_atomic(target, to_json(document, indent=2, ensure_ascii=False) + "\n")
        return target


def _mask_at(answers: Sequence[PromptMask], place: int) -> np.ndarray[Any, Any]:
    return answers[place].mask.astype(np.int8)


def _save_image(path: Path, image: Image.Image) -> None:
    with atomic_path(path) as temporary:
        image.save(temporary)


def _kind(prompt: ObjectPrompt) -> str:
    if prompt.text is not None:
        return TEXT
    return BOX if prompt.box is not None else POINT


def _value(prompt: ObjectPrompt) -> Any:
    """The prompt in PaddleX's form: a text, a box, a point, or a list of points."""
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


def _info(answer: PromptMask) -> dict[str, Any]:
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


def _label(answer: PromptMask, number: int) -> str:
    return answer.prompt.label or answer.prompt.text or f"object {number}"
