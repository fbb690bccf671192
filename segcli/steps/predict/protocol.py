"""The predictor interface that every task implements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from segcli.config.schema import PredictConfig
from segcli.data.sources import SourceItem
from segcli.inference.exported_model import ExportedModel
from segcli.inference.runtimes.protocol import Runtime
from segcli.steps.predict.image_result import ImageResult


class Predictor(Protocol):
    """An opened model; a class with a static ``open(folder, settings, device)``."""

    @property
    def model(self) -> ExportedModel:
        """Description of the model in its folder."""

    @property
    def runtime(self) -> Runtime:
        """Its runtime."""

    def configured(self, settings: PredictConfig) -> Predictor:
        """The same opened model with other settings."""

    def predict(self, items: Sequence[SourceItem]) -> Iterator[ImageResult]:
        """One result for each item that has an image, in order."""
