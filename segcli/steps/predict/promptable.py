"""Masks of what was asked for, from a promptable model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segcli.config.schema import PredictConfig
from segcli.data.sources import SourceItem, open_sources
from segcli.inference.exported_model import ExportedModel
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.promptable.everything import EverythingSettings, segment_everything
from segcli.promptable.masks import PromptedMask
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt
from segcli.promptable.requests import Questions, check_questions, read_questions
from segcli.promptable.text_predictor import TextPredictor
from segcli.steps.predict.open_promptable import OpenedPromptable, open_promptable
from segcli.steps.predict.options import wanted_runtime
from segcli.steps.predict.promptable_results import PromptedResult


@dataclass(frozen=True)
class RunBy:
    """What runs a model, by name."""

    name: str


@dataclass(frozen=True)
class PromptablePredictor:
    """An opened model and what every image is asked.

    Attributes:
        opened: The model.
        settings: Of the prediction.
        questions: What is asked; None where that is said only later.
        predictor: Answers prompts on one image at a time.
    """

    opened: OpenedPromptable
    settings: PredictConfig
    questions: Questions | None
    predictor: SamPredictor | TextPredictor

    @staticmethod
    def open(folder: Path, settings: PredictConfig, device: str = "cpu") -> PromptablePredictor:
        """Opens an exported model.

        Raises:
            WeightsError: There is no exported model.
            UsageError: A prompt cannot be used; all are named with their images, before any network runs.
        """
        return PromptablePredictor.open_weights(
            get_spec(ExportedModel.open(folder).model_name), folder, settings, device
        )

    @staticmethod
    def open_weights(
        spec: ModelSpec, source: Path, settings: PredictConfig, device: str = "cpu"
    ) -> PromptablePredictor:
        """Opens a weight file or an exported model; as `open`."""
        questions = _questions(settings, spec)
        if questions is not None and settings.input is not None:
            check_questions(questions, open_sources(settings.input).files)
        opened = open_promptable(spec, source, runtime=_runtime(settings, source), device=device)
        cache = opened.cache_in(settings.promptable.cache_dir)
        return PromptablePredictor(opened, settings, questions, opened.predictor(cache))

    def configured(self, settings: PredictConfig) -> PromptablePredictor:
        """The same opened model with other settings and prompts."""
        questions = _questions(settings, get_spec(self.model.model_name))
        return replace(self, settings=settings, questions=questions)

    @property
    def model(self) -> ExportedModel:
        """What the model is."""
        return self.opened.described

    @property
    def runtime(self) -> RunBy:
        """What runs it."""
        return RunBy(self.opened.runtime)

    def predict(self, items: Sequence[SourceItem]) -> Iterator[PromptedResult]:
        """One result for each item that has an image, in order.

        Raises:
            UsageError: Nothing is asked, or a prompt cannot be used.
        """
        questions = self.questions or read_questions(self.settings, self.opened.form.asked, self.model.model_name)
        for item in items:
            if item.rgb is None:
                continue
            objects = questions.of(item.input_path)
            masks = self._answer(item, objects, everything=questions.everything)
            yield PromptedResult(item, masks, self.settings.promptable.formats)

    def _answer(
        self, item: SourceItem, objects: Sequence[ObjectPrompt], *, everything: bool
    ) -> tuple[PromptedMask, ...]:
        asked, predictor = self.settings.promptable, self.predictor
        if not objects and not everything:
            return ()  # a file of prompts need not name every image
        assert item.rgb is not None
        predictor.set_image(item.rgb, name=item.input_path or "the array")
        if isinstance(predictor, TextPredictor):
            masks = predictor.predict(objects, background=asked.background, truncate=asked.truncate_text)
        elif everything:
            masks = segment_everything(
                predictor,
                EverythingSettings(
                    points_per_side=asked.points_per_side,
                    min_score=asked.min_score,
                    min_stability=asked.min_stability,
                ),
            )
        else:
            masks = predictor.predict(objects, multimask=asked.multimask, refine_rounds=asked.refine_rounds)
        least = self.settings.threshold
        # no threshold is not 0: predicted IoU may lie below
        return tuple(mask for mask in masks if least is None or mask.score >= least)


def _questions(settings: PredictConfig, spec: ModelSpec) -> Questions | None:
    """What is asked, where that is known by now: Python's door gives the prompts with the images."""
    if settings.prompts is None and settings.input is None and not settings.promptable.everything:
        return None
    return read_questions(settings, PROMPTABLE[spec.name].asked, spec.name)


def _runtime(settings: PredictConfig, source: Path) -> str:
    """PaddleX's ``run_mode: paddle`` of a copied configuration is no wish of a runtime where weights are given."""
    return wanted_runtime(settings) if source.is_dir() else settings.runtime
