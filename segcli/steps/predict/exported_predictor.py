"""Base class of the predictors of exported models, for all tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from segcli.config.schema import PredictConfig
from segcli.data.classes import ClassMap
from segcli.inference.exported_model import ExportedModel
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.protocol import Runtime
from segcli.inference.tiling import NetworkFacts, Tiling, tiling
from segcli.steps.predict.options import expected_images, wanted_runtime

P = TypeVar("P", bound="ExportedPredictor")


@dataclass(frozen=True)
class ExportedPredictor:
    """An exported model on a runtime.

    Attributes:
        model: The exported model.
        runtime: What runs it.
        settings: Settings of the prediction.
    """

    model: ExportedModel
    runtime: Runtime
    settings: PredictConfig

    most_classes: ClassVar[int]
    """Number of numbered classes for a model without class names."""

    @classmethod
    def open(cls: type[P], folder: Path, settings: PredictConfig, device: str = "cpu") -> P:
        """Opens an exported model on the runtime that the settings select.

        Raises:
            WeightsError: There is no exported model.
            MissingPartError: No runtime can open it.
        """
        model = ExportedModel.open(folder)
        runtime = open_runtime(model, wanted_runtime(settings), device, images=expected_images(settings))
        return cls(model, runtime, settings)

    def configured(self: P, settings: PredictConfig) -> P:
        """The same model with other settings; the runtime stays."""
        return replace(self, settings=settings)

    @property
    def tiling(self) -> Tiling:
        """How images are cut into tiles."""
        inputs = {} if self.model.card is None else self.model.card.inputs
        facts = NetworkFacts(self.model.preprocess, self.model.input_size, inputs, self.runtime.name)
        return tiling(self.settings.sliding_window, self.settings.memory_mb, facts)

    @property
    def classes(self) -> ClassMap:
        """The classes; numbered where the model has no class names."""
        return self.model.classes or ClassMap.numbered(self.most_classes)
