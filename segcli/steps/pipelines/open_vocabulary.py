"""PaddleX's pipeline `open_vocabulary_segmentation`: masks from boxes and points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from segcli.config.schema import PredictConfig
from segcli.data.sources import Input
from segcli.errors import InputError, UsageError
from segcli.models.promptable.specs import PromptKind, is_same_network
from segcli.steps.pipelines.pipeline import LazyModel, Pipeline
from segcli.steps.pipelines.settings import ModelSettings, PipelineSettings, SubModule
from segcli.steps.predict.image_result import ImageResult

BOX, POINT = "BoxPromptSegmentation", "PointPromptSegmentation"
PROMPT_KEYS = {"box": "box_prompt", "point": "point_prompt"}
"""PaddleX's `prompt_type` -> key of `Predict.prompts`."""
_OWN = {"threshold": None, "multimask": None, "refine_rounds": None}
_INNER = ("multimask", "refine_rounds")
_TASK = "open_vocabulary_segmentation"


class OpenVocabularySegmentation(Pipeline):
    """Masks from boxes and points. Both use one network where the YAML names the same weights for both."""

    name = "open_vocabulary_segmentation"
    modules = (
        SubModule(BOX, "SAM-H_box", "box_prompt_segmentation", _OWN, _INNER, PromptKind.CLICKS, (_TASK,)),
        SubModule(POINT, "SAM-H_point", "point_prompt_segmentation", _OWN, _INNER, PromptKind.CLICKS, (_TASK,)),
    )

    trial: ClassVar[Mapping[str, Any]] = {"prompt": [[1, 1]], "prompt_type": "point"}

    def __init__(self, settings: PipelineSettings) -> None:
        super().__init__(settings)
        if _is_same_model(settings.models[BOX], settings.models[POINT]):
            self.models[POINT] = self.models[BOX]

    def chosen(
        self,
        *,
        prompt: Sequence[Any] | None = None,
        prompt_type: str | None = None,
        prompts: dict[str, Any] | str | None = None,
        **arguments: Any,
    ) -> tuple[LazyModel, PredictConfig]:
        """The model for boxes or that for points, with its prompts."""
        given = _prompts(prompt, prompt_type, prompts)
        key = BOX if _has_box(given) else POINT
        return self.models[key], self.settings_for(key, prompts=given, **arguments)

    def predict(
        self,
        input: Input,
        prompt: Sequence[Any] | None = None,
        prompt_type: str | None = None,
        *,
        prompts: dict[str, Any] | str | None = None,
        left_out: list[InputError] | None = None,
        **arguments: Any,
    ) -> Iterator[ImageResult]:
        """Results (`segcli.steps.predict.promptable_results.PromptableResult`) one by one, in order.

        Args:
            input: An image, folder, glob, list file, PDF, URL, array (BGR), or a list of these.
            prompt: PaddleX's form: boxes ``[[x1, y1, x2, y2], ...]`` or points ``[[x, y], ...]``, one per object.
            prompt_type: ``box`` or ``point``.
            prompts: Instead of these two: a dictionary or file like `Predict.prompts`, for boxes with points, negative
                points, or prompts per image.
            left_out: A list that receives the errors of unreadable inputs.
            arguments: Other keys of `Predict`, for this call.

        Raises:
            UsageError: There is no prompt, or it is invalid.
        """
        return self._run(input, left_out, prompt=prompt, prompt_type=prompt_type, prompts=prompts, **arguments)


def _is_same_model(first: ModelSettings, second: ModelSettings) -> bool:
    return is_same_network(first.model_name, second.model_name) and first.model_dir == second.model_dir


def _prompts(
    prompt: Sequence[Any] | None, kind: str | None, prompts: dict[str, Any] | str | None
) -> dict[str, Any] | str:
    if prompts is not None and prompt is None and kind is None:
        return prompts
    if prompts is not None:
        raise UsageError("prompts and prompt exclude each other", hint="give one of them")
    if prompt is None or kind is None:
        raise UsageError("needs prompts", hint='prompt_type="box", prompt=[[x1, y1, x2, y2]], or "point", [[x, y]]')
    if kind not in PROMPT_KEYS:
        raise UsageError(f"prompt_type is {kind!r}", hint=f"it is {' or '.join(PROMPT_KEYS)}")
    return {PROMPT_KEYS[kind]: [list(row) if isinstance(row, Sequence) else row for row in prompt]}


def _has_box(given: dict[str, Any] | str) -> bool:
    if isinstance(given, str):
        return True
    objects = given.get("objects")
    rows = objects if isinstance(objects, list) else []
    return "box_prompt" in given or any(isinstance(row, dict) and row.get("box") is not None for row in rows)
