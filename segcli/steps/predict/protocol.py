"""What the entry points of predict need of a task: a predictor, and results that write themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from segcli.config.schema import PredictConfig
from segcli.data.sources import SourceItem
from segcli.inference.exported_model import ExportedModel
from segcli.inference.runtimes.protocol import Runtime
from segcli.steps.predict.result import Predicted
from segcli.steps.predict.writers import JsonForm


class Result(Protocol):
    """What was found in one image; see `segcli.steps.predict.image_result.ImageResult`."""

    def write_files(self, folder: Path, form: JsonForm) -> Predicted:
        """Writes what the `predict` command leaves for one image."""

    def __getitem__(self, key: str) -> Any:
        """A value under PaddleX's key."""


class Predictor(Protocol):
    """An opened model; a class with a static ``open(folder, settings, device)``."""

    @property
    def model(self) -> ExportedModel:
        """What lies in the model's folder."""

    @property
    def runtime(self) -> Runtime:
        """What runs it."""

    def configured(self, settings: PredictConfig) -> Predictor:
        """The same opened model with other settings."""

    def predict(self, items: Sequence[SourceItem]) -> Iterator[Result]:
        """One result for each item that has an image, in order."""
