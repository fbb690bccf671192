"""PaddleX's Python calls: `create_model(...)` and `model.predict(...)`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from segcli.config.schema import PredictConfig, PromptableConfig, SlidingWindowConfig
from segcli.config.unread import meaningless_arguments
from segcli.data.image import StrPath
from segcli.data.prefetch import batched, read_ahead
from segcli.data.sources import Input, SourceItem, Sources, open_sources
from segcli.errors import ConfigError, ConfigFault, InputError
from segcli.models.table import get_spec
from segcli.steps.predict.attempts import Attempts
from segcli.steps.predict.by_name import model_source
from segcli.steps.predict.image_result import ImageResult
from segcli.steps.predict.open_predictor import open_predictor
from segcli.steps.predict.protocol import Predictor
from segcli.steps.predict.unlike import UnlikeInputs

log = logging.getLogger("segcli.predict")

TargetSize = int | tuple[int, int] | None


class Model:
    """An opened model; threads may share it, and use the network one at a time.

    Attributes:
        model_name: Name in the table of models.
        predictor: Runs it.
    """

    def __init__(self, model_name: str, predictor: Predictor, settings: PredictConfig) -> None:
        self.model_name = model_name
        self.predictor = predictor
        self._settings = settings
        self._turn = Lock()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in the order of their ids; empty where the model has none."""
        return self.predictor.model.class_names

    def predict(
        self,
        input: Input,
        batch_size: int | None = None,
        *,
        target_size: TargetSize = None,
        threshold: float | None = None,
        prompts: dict[str, Any] | str | None = None,
        left_out: list[InputError] | None = None,
    ) -> Iterator[ImageResult]:
        """Results one by one, in order; PaddleX's signature.

        An input that cannot be read, or that the model fails on, is logged as a warning and left out.

        Args:
            input: An image, folder, glob, list file, PDF, URL, array (BGR), or a list of these.
            batch_size: Images per batch; None uses the model's setting.
            target_size: Semantic models: a side, (width, height), or -1 for the image's own size.
            threshold: Instance and promptable models: lowest score of an object.
            prompts: Promptable models: ``{"box_prompt": [[x1, y1, x2, y2]]}`` and the like, or a file of prompts.
            left_out: A list that receives the errors of what is left out.

        Raises:
            InputError: There is no input, or none of it can be read.
            ConfigError: An argument is not valid for the model.
            SegcliError: The model fails on every image.
        """
        changes = {
            "batch_size": batch_size,
            "target_size": target_size,
            "threshold": threshold,
            "prompts": prompts,
        }
        return self.predict_with(input, with_arguments(self.model_name, self._settings, changes), left_out)

    __call__ = predict

    def predict_with(
        self, input: Input, settings: PredictConfig, left_out: list[InputError] | None = None
    ) -> Iterator[ImageResult]:
        """Like `predict`, with all settings given."""
        sources = open_sources(input).read_by(self.predictor.model.preprocess.reads_by)
        faults = [] if left_out is None else left_out
        return self._run(self.predictor.configured(settings), sources, settings.batch_size, faults)

    def predict_items(self, items: Sequence[SourceItem], settings: PredictConfig) -> list[ImageResult]:
        """Results of images in memory, with all settings given."""
        with self._turn:
            return list(self.predictor.configured(settings).predict(items))

    def _run(
        self, predictor: Predictor, sources: Sources, batch_size: int, faults: list[InputError]
    ) -> Iterator[ImageResult]:
        found = 0
        attempts = Attempts(predictor.predict)
        items = UnlikeInputs(predictor.model).watched(read_ahead(sources, 2 * batch_size))
        for batch in batched(items, batch_size):
            for item in batch:
                if item.fault is not None:
                    log.warning("left out: %s", item.fault)
                    faults.append(item.fault)
            with self._turn:
                answers = list(attempts([item for item in batch if item.fault is None]))
            faults += [answer for answer in answers if isinstance(answer, InputError)]
            results = [answer for answer in answers if not isinstance(answer, InputError)]
            found += len(results)
            yield from results
        attempts.require_any()
        if not found and faults:
            raise faults[0]


def create_model(
    model_name: str,
    model_dir: StrPath | None = None,
    *,
    device: str | None = None,
    batch_size: int = 1,
    engine: str | None = None,
    engine_config: dict[str, Any] | None = None,
    use_hpip: bool = False,
    hpi_config: dict[str, Any] | None = None,
    runtime: str | None = None,
    target_size: TargetSize = None,
    threshold: float | None = None,
    sliding_window: SlidingWindowConfig | None = None,
) -> Model:
    """Opens an exported model; has PaddleX's keywords and segcli's own.

    Args:
        model_name: Name in the table of models.
        model_dir: Folder written by `export` or by PaddleX, or the folder of the best weights around it; for a
            promptable model also a weight file. None uses the official weights, which are downloaded once.
        device: ``cpu`` (the default), ``gpu:0``, ...
        batch_size: Images per batch.
        engine: PaddleX's choice of runtime.
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's switch for the fastest runtime.
        hpi_config: PaddleX's options of that switch.
        runtime: ``auto`` (the default), ``onnxruntime``, ``openvino`` or ``paddle``.
        target_size: Semantic models: what images are resized to before the network.
        threshold: Instance models: lowest score of an object.
        sliding_window: Tiles for large images.

    Raises:
        UsageError: There is no such model, or no folder was given and it has no official weights.
        WeightsError: The folder holds no exported model, or the official weights cannot be downloaded.
    """
    given = {
        "engine": engine,
        "engine_config": engine_config,
        "hpi_config": hpi_config,
        "runtime": runtime,
        "target_size": target_size,
        "threshold": threshold,
        "sliding_window": sliding_window,
    }
    settings = with_arguments(model_name, PredictConfig(batch_size=batch_size, use_hpip=use_hpip), given)
    return open_model(model_name, model_dir, settings, device or "cpu")


def open_model(model_name: str, model_dir: StrPath | None, settings: PredictConfig, device: str) -> Model:
    """Like `create_model`, with the settings of `Predict`."""
    source = model_source(get_spec(model_name), None if model_dir is None else Path(model_dir))
    return Model(model_name, open_predictor(model_name, source, settings, device), settings)


def with_arguments(model_name: str, settings: PredictConfig, arguments: Mapping[str, Any]) -> PredictConfig:
    """Returns the settings with the arguments of one call, which must all be valid for the model.

    Raises:
        ConfigError: An argument is not valid for the model, or `changed` rejects it.
    """
    get_spec(model_name)
    faults = meaningless_arguments(model_name, "Predict", arguments)
    if faults:
        raise ConfigError(faults)
    return changed(settings, arguments)


def changed(settings: PredictConfig, values: Mapping[str, Any]) -> PredictConfig:
    """Returns the settings updated with the `values` that are not None, after validation.

    Args:
        settings: Settings to update.
        values: Keys of `Predict`, and of `Predict.promptable` without prefix.

    Raises:
        ConfigError: A key is unknown or a value is invalid; all are listed.
    """
    given = {name: value for name, value in values.items() if value is not None}
    inner = {name: given.pop(name) for name in list(given) if name in PromptableConfig.model_fields}
    plain = settings.model_dump(exclude_unset=True)
    if inner:
        given["promptable"] = {**plain.get("promptable", {}), **inner}
    try:
        return PredictConfig.model_validate({**plain, **given})
    except ValidationError as error:
        raise ConfigError(value_faults(error)) from error


def value_faults(error: ValidationError, prefix: str = "") -> list[ConfigFault]:
    """One fault per key of `Predict` or `Predict.promptable` whose value was rejected.

    Args:
        error: Pydantic's error.
        prefix: Prefix of the key.
    """
    faults: dict[str, ConfigFault] = {}
    for problem in error.errors(include_url=False, include_context=False):
        key = next((str(part) for part in problem["loc"] if part != "promptable"), "")
        unknown = problem["type"] == "extra_forbidden"
        message = "there is no such key" if unknown else f"is {problem['input']!r}: {problem['msg']}"
        faults.setdefault(key, ConfigFault(f"{prefix}{key}", message))
    return list(faults.values())
