"""Request bodies: PaddleX's fields and segcli's own. JSON has the fields in camel case, such as `maskFormat`."""

import re
from inspect import cleandoc
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from segcli.errors import UsageError

Side = Annotated[int, Field(strict=True)]
Words = Annotated[str, Field(max_length=1000)]


def _describe(schema: dict[str, Any], kind: type[BaseModel]) -> None:
    """Copies the field descriptions from the docstrings into the API's schema."""
    texts: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        attributes = cleandoc(part.__doc__ or "").partition("Attributes:")[2]
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE):
            texts[name] = " ".join(text.split())
    schema["description"] = cleandoc(kind.__doc__ or "").partition("\n")[0]
    for name, field in schema["properties"].items():
        field["description"] = texts[name]


class ImageRequest(BaseModel):
    """Fields of all requests.

    Attributes:
        image: The image file as base64, or its URL if the service allows URLs.
        visualize: Whether the reply contains a visualization; null is the pipeline's setting.
        model: Name of the served model; null is the first one of this route.
        labelMe: Whether the reply contains a LabelMe document.
        logId: Id that is returned in the reply; null generates one.
    """

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, alias_generator=to_camel, json_schema_extra=_describe
    )

    image: str
    visualize: bool | None = None
    model: str | None = None
    label_me: bool = False
    log_id: Annotated[str, Field(max_length=200)] | None = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of the pipeline."""
        return {}

    def sizes(self) -> list[tuple[int, int]]:
        """Widths and heights in pixels to which the request resizes the image."""
        return []

    def prompt_count(self) -> int:
        """Number of prompts in the request."""
        return 0


class SemanticRequest(ImageRequest):
    """`POST /semantic-segmentation`.

    Attributes:
        targetSize: Size of the network's input: one side, [width, height], or -1 for the image's own size.
        maskFormat: `labelMap` is PaddleX's list of all pixels; `png` a grey PNG whose pixels are the ids; `rle` a
            COCO run-length code per class; `raw` the ids row by row, one byte per pixel, in base64.
    """

    target_size: Side | tuple[Side, Side] | None = None
    mask_format: Literal["labelMap", "png", "rle", "raw"] = "labelMap"

    def arguments(self) -> dict[str, Any]:
        """Arguments of the pipeline.

        Raises:
            UsageError: A side is less than 1 px.
        """
        sides = (self.target_size,) if isinstance(self.target_size, int) else self.target_size or ()
        if self.target_size != -1 and any(side < 1 for side in sides):
            raise UsageError("targetSize: sides must be at least 1 px; -1 alone keeps the image's own size")
        return {"target_size": self.target_size}

    def sizes(self) -> list[tuple[int, int]]:
        """Widths and heights in pixels to which the request resizes the image."""
        if self.target_size is None or self.target_size == -1:
            return []
        size = self.target_size
        return [(size, size) if isinstance(size, int) else (max(size), max(size))]


class InstanceRequest(ImageRequest):
    """`POST /instance-segmentation`.

    Attributes:
        threshold: Minimum score of an object.
        maskFormat: `box` is PaddleX's run-length code of the crop inside the rounded box; `rle` is COCO's run-length
            code of the whole image; `png`, `raw`, `polygon` and `labelMe` (shapes) also cover the whole image.
    """

    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    mask_format: Literal["box", "rle", "png", "raw", "polygon", "labelMe"] = "box"

    def arguments(self) -> dict[str, Any]:
        """Arguments of the pipeline."""
        return {"threshold": self.threshold}


class OpenVocabularyRequest(ImageRequest):
    """`POST /open-vocabulary-segmentation`.

    Attributes:
        prompt: Boxes [x1, y1, x2, y2] or points [x, y].
        promptType: `box` or `point`.
        prompts: Instead of prompt and promptType: objects, each with a box, points [x, y, 1 (on the object) or 0 (not
            on it)], or both: {"objects": [{"box": ..., "points": ...}]}.
        threshold: Minimum predicted IoU of a mask.
        multimask: Which of the network's masks: auto, best, all, single.
        maskFormat: `rle` is COCO's run-length code, as in PaddleX; or `png`, `raw`, `polygon`, `labelMe`.
    """

    prompt: list[list[float]] | None = None
    prompt_type: Literal["box", "point"] | None = None
    prompts: dict[str, Any] | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    multimask: Literal["auto", "best", "all", "single"] | None = None
    mask_format: Literal["rle", "png", "raw", "polygon", "labelMe"] = "rle"

    def arguments(self) -> dict[str, Any]:
        """Arguments of the pipeline."""
        return {
            "prompt": self.prompt,
            "prompt_type": self.prompt_type,
            "prompts": self.prompts,
            "threshold": self.threshold,
            "multimask": self.multimask,
        }

    def prompt_count(self) -> int:
        """Number of prompts in the request."""
        rows = [value for value in (self.prompts or {}).values() if isinstance(value, list)]
        points = [entry.get("points") for row in rows for entry in row if isinstance(entry, dict)]
        inner = sum(len(found) for found in points if isinstance(found, list))
        return len(self.prompt or ()) + sum(map(len, rows)) + inner


class TextRequest(ImageRequest):
    """`POST /text-driven-segmentation`.

    Attributes:
        text: Text prompt, or a list of them; each gives one mask.
        background: Text for everything else.
        threshold: Minimum score of a mask.
        maskFormat: `rle` is COCO's run-length code; or `png`, `raw`, `polygon`, `labelMe`.
    """

    text: Words | list[Words]
    background: Words | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    mask_format: Literal["rle", "png", "raw", "polygon", "labelMe"] = "rle"

    def arguments(self) -> dict[str, Any]:
        """Arguments of the pipeline."""
        return {"text": self.text, "background": self.background, "threshold": self.threshold}

    def prompt_count(self) -> int:
        """Number of prompts in the request."""
        return 1 if isinstance(self.text, str) else len(self.text)
