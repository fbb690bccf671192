"""What every pipeline is: settings, models that are opened when they are first needed, and `predict`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from segcli.config.schema import PredictConfig
from segcli.data.image import RgbImage
from segcli.data.sources import Input, SourceItem
from segcli.errors import InputError
from segcli.steps.pipelines.settings import ModelSettings, PipelineSettings, SubModule, parse_settings, template
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.model import Model, open_model, with_arguments

Opener = Callable[[ModelSettings, str], Model]


def open_named(model: ModelSettings, device: str) -> Model:
    """Opens a model of a pipeline."""
    return open_model(model.model_name, model.model_dir, model.predict, device)


class LazyModel:
    """A model that is opened when it is first needed, once for all threads.

    Args:
        settings: The model.
        device: Where it runs.
        opener: Opens it.
    """

    def __init__(self, settings: ModelSettings, device: str, opener: Opener = open_named) -> None:
        self.settings, self._device, self._opener = settings, device, opener
        self._lock = Lock()
        self._model: Model | None = None

    def __call__(self) -> Model:
        """The opened model."""
        with self._lock:
            if self._model is None:
                self._model = self._opener(self.settings, self._device)
            return self._model


class Pipeline(ABC):
    """From images to results; PaddleX's pipelines have these calls. Threads may share one.

    Attributes:
        name: Name in the table of pipelines.
        modules: The models that it has, by which its YAML is read.
        trial: What a warm-up asks of an image of any content.
        settings: What the YAML and the arguments say.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[SubModule, ...]]
    trial: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, settings: PipelineSettings) -> None:
        self.settings = settings
        self.models = {key: LazyModel(model, settings.device) for key, model in settings.models.items()}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> PipelineSettings:
        """The settings that a YAML's values mean.

        Raises:
            ConfigError: Holds every fault.
        """
        return parse_settings(cls.name, cls.modules, values)

    @classmethod
    def template(cls) -> str:
        """The YAML with the defaults."""
        return template(cls.name, cls.modules)

    @abstractmethod
    def chosen(self, **arguments: Any) -> tuple[LazyModel, PredictConfig]:
        """The model that answers, and its settings; `arguments` are the arguments of `predict` beside the input.

        Raises:
            UsageError: What is settings_for has no sense.
        """

    @abstractmethod
    def predict(self, input: Input, **arguments: Any) -> Iterator[ImageResult]:
        """Results one by one, in order."""

    def __call__(self, input: Input, **arguments: Any) -> Any:
        """The same as `predict`."""
        return self.predict(input, **arguments)

    def answer(self, items: Sequence[SourceItem], **arguments: Any) -> list[ImageResult]:
        """Results of images that are in memory; for the service."""
        model, settings = self.chosen(**arguments)
        return [self.finished(result) for result in model().predict_items(items, settings)]

    def finished(self, result: Any) -> ImageResult:
        """The model's result as this pipeline gives it."""
        found: ImageResult = result
        return found

    def settings_for(self, key: str, **arguments: Any) -> PredictConfig:
        """The settings of a model with the arguments of one call."""
        model = self.settings.models[key]
        return with_arguments(model.model_name, model.predict, arguments)

    def open_all(self) -> None:
        """Opens every model now."""
        for model in self.models.values():
            model()

    def class_names(self) -> list[str]:
        """Names of the classes of its models in order of their ids; none where they have none."""
        return [str(name) for model in dict.fromkeys(self.models.values()) for name in model().class_names]

    def try_out(self, rgb: RgbImage) -> None:
        """Answers an image, so that what happens once has happened."""
        self.answer([SourceItem(None, None, Path("warm_up"), rgb)], **self.trial)

    def _run(self, input: Input, left_out: list[InputError] | None, **arguments: Any) -> Iterator[ImageResult]:
        model, settings = self.chosen(**arguments)
        return map(self.finished, model().predict_with(input, settings, left_out))
