"""ModelScope's pipeline `text_driven_segmentation`: masks from texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from segcli.config.schema import PredictConfig
from segcli.data.sources import Input, SourceItem
from segcli.errors import InputError, UsageError
from segcli.models.promptable.specs import PromptKind
from segcli.promptable.masks import PromptMask
from segcli.steps.pipelines.pipeline import LazyModel, Pipeline
from segcli.steps.pipelines.settings import SubModule
from segcli.steps.predict.image_result import ImageResult, MaskList
from segcli.steps.predict.promptable_results import PromptableResult

KEY = "TextPromptSegmentation"
WHITE = 255
_OWN = {"threshold": None, "background": "others", "truncate_text": False}


class TextResult(PromptableResult):
    """The masks of texts in one image: `masks` are 0 or 255, uint8 [H, W], as ModelScope gives them."""

    def __init__(self, item: SourceItem, answers: Sequence[PromptMask]) -> None:
        super().__init__(item, answers, ("overlay",))
        self["masks"] = MaskList([answer.rle for answer in self.answers], partial(_white_at, self.answers))


class TextDrivenSegmentation(Pipeline):
    """Masks from texts.

    Called with ModelScope's ``{"image": ..., "text": ...}`` it answers with ``{"masks": uint8 [H, W] of 0 and 255}``.
    """

    name = "text_driven_segmentation"
    modules = (
        SubModule(
            KEY,
            "LSeg-L",
            "open_vocabulary_segmentation",
            _OWN,
            inner=("background", "truncate_text"),
            prompt_kind=PromptKind.TEXTS,
        ),
    )

    trial: ClassVar[Mapping[str, Any]] = {"text": "thing"}

    def chosen(self, *, text: str | Sequence[str] | None = None, **arguments: Any) -> tuple[LazyModel, PredictConfig]:
        """The model, with the texts; an inner key of `arguments` such as `background` counts for this call."""
        texts = [text] if isinstance(text, str) else list(text or ())
        if not texts or not all(isinstance(one, str) and one.strip() for one in texts):
            raise UsageError("needs a text that names the object to segment", hint='text="bear"')
        return self.models[KEY], self.settings_for(KEY, prompts={"text_prompt": texts}, **arguments)

    def predict(
        self,
        input: Input | Mapping[str, Any],
        text: str | Sequence[str] | None = None,
        *,
        left_out: list[InputError] | None = None,
        **arguments: Any,
    ) -> Iterator[ImageResult]:
        """Results (`TextResult`) one by one, in order.

        Args:
            input: An image, folder, glob, list file, PDF, URL, array (BGR), or a list of these; or ModelScope's
                ``{"image": ..., "text": ...}``.
            text: What to segment; several texts give one mask each.
            left_out: A list that receives the errors of unreadable inputs.
            arguments: Other keys of `Predict`, for this call.

        Raises:
            UsageError: There is no text.
        """
        if isinstance(input, Mapping):
            input, text = _of_modelscope(input, text)
        return self._run(input, left_out, text=text, **arguments)

    def __call__(self, input: Input | Mapping[str, Any], **arguments: Any) -> Any:
        """ModelScope's answer to ModelScope's input; otherwise the same as `predict`."""
        if not isinstance(input, Mapping):
            return self.predict(input, **arguments)
        (result,) = self.predict(input, **arguments)
        return {"masks": result["masks"][0]}

    def finished(self, result: Any) -> ImageResult:
        """The result with masks of 0 and 255."""
        item = SourceItem(result["input_path"], result["page_index"], result.name, result.rgb)
        return TextResult(item, result.answers)


def _of_modelscope(values: Mapping[str, Any], text: str | Sequence[str] | None) -> tuple[Input, str]:
    missing = [key for key in ("image", "text") if values.get(key) is None]
    if missing or text is not None:
        fault = f"has no {' and no '.join(missing)}" if missing else "already contains the text"
        raise UsageError(f"the input {fault}", hint='{"image": "bear.jpg", "text": "bear"}')
    return values["image"], values["text"]


def _white_at(answers: Sequence[PromptMask], place: int) -> NDArray[np.uint8]:
    return answers[place].mask.astype(np.uint8) * np.uint8(WHITE)
