"""Base class of pipelines: settings, models that are opened on first use, and `predict`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from segcli.config.schema import PredictConfig
from segcli.data.image import RgbImage
from segcli.data.sources import Input, SourceItem
from segcli.errors import InputError, UsageError
from segcli.steps.pipelines.settings import ModelSettings, PipelineSettings, SubModule, parse_settings, template
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.model import Model, open_model, with_arguments

Opener = Callable[[ModelSettings, str], Model]


def open_named(model: ModelSettings, device: str) -> Model:
    """Opens a model of a pipeline."""
    return open_model(model.model_name, model.model_dir, model.predict, device)


class LazyModel:
    """A model that is opened on first use, once for all threads.

    Args:
        settings: Settings of the model.
        device: Device that it runs on.
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
    """Predicts results for images, with the interface of PaddleX's pipelines. Threads may share one.

    Attributes:
        name: Name in the table of pipelines.
        modules: Its models, as declared in `SubModules` of the YAML.
        trial: Arguments of `predict` for a warm-up on any image.
        settings: Settings from the YAML and the arguments.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[SubModule, ...]]
    trial: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, settings: PipelineSettings) -> None:
        self.settings = settings
        self.models = {key: LazyModel(model, settings.device) for key, model in settings.models.items()}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> PipelineSettings:
        """Parses the values of a YAML into settings.

        Raises:
            ConfigError: Holds every fault.
        """
        return parse_settings(cls.name, cls.modules, values)

    @classmethod
    def template(cls) -> str:
        """Returns the YAML with the defaults."""
        return template(cls.name, cls.modules)

    @abstractmethod
    def chosen(self, **arguments: Any) -> tuple[LazyModel, PredictConfig]:
        """Returns the model to run and its settings; `arguments` are those of `predict` except the input.

        Raises:
            UsageError: The arguments are invalid.
        """

    @abstractmethod
    def predict(self, input: Input, **arguments: Any) -> Iterator[ImageResult]:
        """Results one by one, in order."""

    def __call__(self, input: Input, **arguments: Any) -> Any:
        """Like `predict`."""
        return self.predict(input, **arguments)

    def answer(self, items: Sequence[SourceItem], **arguments: Any) -> list[ImageResult]:
        """Results of images in memory; for the service."""
        model, settings = self.chosen(**arguments)
        return [self.finished(result) for result in model().predict_items(items, settings)]

    def finished(self, result: Any) -> ImageResult:
        """Converts the result of the model to that of the pipeline."""
        found: ImageResult = result
        return found

    def settings_for(self, key: str, **arguments: Any) -> PredictConfig:
        """Returns the settings of a model, updated with the arguments of one call."""
        model = self.settings.models[key]
        return with_arguments(model.model_name, model.predict, arguments)

    def open_all(self) -> None:
        """Opens every model now."""
        for model in self.models.values():
            model()

    def model_titles(self) -> list[str]:
        """Names of its models; of imported ones those on their cards."""
        return list(dict.fromkeys(model().predictor.model.title for model in self.models.values()))

    def class_names(self) -> list[str]:
        """Class names of its models, in the order of their ids; empty where they have none."""
        return [str(name) for model in dict.fromkeys(self.models.values()) for name in model().class_names]

    def try_out(self, rgb: RgbImage) -> None:
        """Warms up: runs the pipeline on one image, so that one-time work is done."""
        self.answer([SourceItem(None, None, Path("warm_up"), rgb)], **self.trial)

    def _run(self, input: Input, left_out: list[InputError] | None, **arguments: Any) -> Iterator[ImageResult]:
        device = arguments.pop("device", None)
        if device not in (None, self.settings.device):
            raise UsageError(
                f"predict: device is {device!r}, but the models are on {self.settings.device!r}",
                hint=f"create_pipeline(..., device={device!r})",
            )
        model, settings = self.chosen(**arguments)
        return map(self.finished, model().predict_with(input, settings, left_out))
