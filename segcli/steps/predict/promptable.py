"""Predicts masks for prompts with a promptable model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segcli.config.schema import PredictConfig
from segcli.data.sources import SourceItem, open_sources
from segcli.inference.exported_model import ExportedModel
from segcli.models.promptable.specs import prompt_kind_of
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.promptable.everything import EverythingSettings, segment_everything
from segcli.promptable.image_prompts import PredictPrompts, check_predict_prompts, read_predict_prompts
from segcli.promptable.masks import PromptMask
from segcli.promptable.predictor import SamPredictor
from segcli.promptable.prompts import ObjectPrompt
from segcli.promptable.text_predictor import TextPredictor
from segcli.steps.predict.open_promptable import OpenedPromptable, open_promptable
from segcli.steps.predict.options import wanted_runtime
from segcli.steps.predict.promptable_results import PromptableResult


@dataclass(frozen=True)
class RunBy:
    """The name of the runtime of a model."""

    name: str


@dataclass(frozen=True)
class PromptablePredictor:
    """An opened model and the prompts for every image.

    Attributes:
        opened: The model.
        settings: Settings of the prediction.
        prompts: Prompts for all images; None where they are given with the images.
        predictor: Answers prompts on one image at a time.
    """

    opened: OpenedPromptable
    settings: PredictConfig
    prompts: PredictPrompts | None
    predictor: SamPredictor | TextPredictor

    @staticmethod
    def open(folder: Path, settings: PredictConfig, device: str = "cpu") -> PromptablePredictor:
        """Opens an exported model.

        Raises:
            WeightsError: There is no exported model.
            UsageError: A prompt is invalid; all such prompts are listed with their images, before the network runs.
        """
        return PromptablePredictor.open_weights(
            get_spec(ExportedModel.open(folder).model_name), folder, settings, device
        )

    @staticmethod
    def open_weights(
        spec: ModelSpec, source: Path, settings: PredictConfig, device: str = "cpu"
    ) -> PromptablePredictor:
        """Opens a weight file or an exported model; see `open`."""
        prompts = _prompts(settings, spec)
        if prompts is not None and settings.input is not None:
            check_predict_prompts(prompts, open_sources(settings.input).files)
        opened = open_promptable(spec, source, runtime=_runtime(settings, source), device=device)
        cache = opened.cache_in(settings.promptable.cache_dir)
        return PromptablePredictor(opened, settings, prompts, opened.predictor(cache))

    def configured(self, settings: PredictConfig) -> PromptablePredictor:
        """The same opened model with other settings and prompts."""
        prompts = _prompts(settings, get_spec(self.model.model_name))
        return replace(self, settings=settings, prompts=prompts)

    @property
    def model(self) -> ExportedModel:
        """Description of the model."""
        return self.opened.described

    @property
    def runtime(self) -> RunBy:
        """Its runtime."""
        return RunBy(self.opened.runtime)

    def predict(self, items: Sequence[SourceItem]) -> Iterator[PromptableResult]:
        """One result for each item that has an image, in order.

        Raises:
            UsageError: There are no prompts, or one is invalid.
        """
        prompts = self.prompts or read_predict_prompts(
            self.settings, self.opened.form.prompt_kind, self.model.model_name
        )
        for item in items:
            if item.rgb is None:
                continue
            objects = prompts.of(item.input_path)
            masks = self._answer(item, objects, everything=prompts.everything)
            yield PromptableResult(item, masks, self.settings.promptable.formats)

    def _answer(self, item: SourceItem, objects: Sequence[ObjectPrompt], *, everything: bool) -> tuple[PromptMask, ...]:
        options, predictor = self.settings.promptable, self.predictor
        if not objects and not everything:
            return ()  # a file of prompts need not name every image
        assert item.rgb is not None
        predictor.set_image(item.rgb, name=item.input_path or "the array")
        if isinstance(predictor, TextPredictor):
            masks = predictor.predict(objects, background=options.background, truncate=options.truncate_text)
        elif everything:
            masks = segment_everything(
                predictor,
                EverythingSettings(
                    points_per_side=options.points_per_side,
                    min_score=options.min_score,
                    min_stability=options.min_stability,
                ),
            )
        else:
            masks = predictor.predict(objects, multimask=options.multimask, refine_rounds=options.refine_rounds)
        least = self.settings.threshold
        # no threshold differs from 0: predicted IoU may be negative
        return tuple(mask for mask in masks if least is None or mask.score >= least)


def _prompts(settings: PredictConfig, spec: ModelSpec) -> PredictPrompts | None:
    """The prompts, where they are already known; in Python they may be given with the images."""
    if settings.prompts is None and settings.input is None and not settings.promptable.everything:
        return None
    return read_predict_prompts(settings, prompt_kind_of(spec.name), spec.name)


def _runtime(settings: PredictConfig, source: Path) -> str:
    """The runtime to use; for weights, PaddleX's ``run_mode: paddle`` in a copied configuration is ignored."""
    return wanted_runtime(settings) if source.is_dir() else settings.runtime
