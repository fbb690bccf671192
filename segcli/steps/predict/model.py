"""PaddleX's Python door: `create_model(...)` and `model.predict(...)`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segcli.config.schema import PredictConfig, SlidingWindowConfig
from segcli.data.image import StrPath
from segcli.data.prefetch import batched, read_ahead
from segcli.data.sources import Input, open_sources
from segcli.errors import InputError, UsageError
from segcli.steps.predict.open_predictor import open_predictor
from segcli.steps.predict.protocol import Predictor, Result

log = logging.getLogger("segcli.predict")

TargetSize = int | tuple[int, int] | None


class Model:
    """An opened model.

    Attributes:
        model_name: Name in the table of models.
        predictor: What runs it.
    """

    def __init__(self, model_name: str, predictor: Predictor, settings: PredictConfig) -> None:
        self.model_name = model_name
        self.predictor = predictor
        self._settings = settings

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in order of their ids; empty where the model names none."""
        return self.predictor.model.class_names

    def predict(
        self,
        input: Input,
        batch_size: int | None = None,
        *,
        target_size: TargetSize = None,
        threshold: float | None = None,
        prompts: dict[str, Any] | str | None = None,
    ) -> Iterator[Result]:
        """Results one by one, in order; PaddleX's signature.

        An input that cannot be read is logged as a warning and left out.

        Args:
            input: An image, folder, glob, list file, PDF, address, array (BGR), or a list of these.
            batch_size: Images at once; None is the model's own.
            target_size: Semantic models: a side, (width, height), or -1 for the image's own size.
            threshold: Instance and promptable models: smallest score of an object.
            prompts: Promptable models: ``{"box_prompt": [[x1, y1, x2, y2]]}`` and the like, or a file of prompts.

        Raises:
            InputError: There is no input, or none of it can be read.
        """
        changes = {
            "batch_size": batch_size,
            "target_size": target_size,
            "threshold": threshold,
            "prompts": prompts,
        }
        settings = changed(self._settings, changes)
        sources = open_sources(input)
        return self._run(self.predictor.configured(settings), sources, settings.batch_size)

    __call__ = predict

    def _run(self, predictor: Predictor, sources: Any, batch_size: int) -> Iterator[Result]:
        faults: list[InputError] = []
        found = 0
        for batch in batched(read_ahead(sources, 2 * batch_size), batch_size):
            for item in batch:
                if item.fault is not None:
                    log.warning("left out: %s", item.fault)
                    faults.append(item.fault)
            for result in predictor.predict(batch):
                found += 1
                yield result
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
    """Opens an exported model; PaddleX's keyword names, and ours.

    Args:
        model_name: Name in the table of models.
        model_dir: Folder that `export` wrote, or one of PaddleX's.
        device: ``cpu`` (the default), ``gpu:0``, ...
        batch_size: Images at once.
        engine: PaddleX's choice of runtime.
        engine_config: PaddleX's options of the runtime.
        use_hpip: PaddleX's switch for the fastest runtime.
        hpi_config: PaddleX's options of that switch.
        runtime: ``auto`` (the default), ``onnxruntime``, ``openvino`` or ``paddle``.
        target_size: Semantic models: what images are resized to before the network.
        threshold: Instance models: smallest score of an object.
        sliding_window: Tiles for large images.

    Raises:
        UsageError: There is no such model, or no folder was given; nothing is downloaded unasked.
        WeightsError: The folder holds no exported model.
    """
    if model_dir is None:
        raise UsageError(
            f"create_model({model_name!r}) needs model_dir",
            hint="give the folder that export wrote, e.g. output/best_model/inference",
        )
    given = {
        "engine": engine,
        "engine_config": engine_config,
        "hpi_config": hpi_config,
        "runtime": runtime,
        "target_size": target_size,
        "threshold": threshold,
        "sliding_window": sliding_window,
    }
    settings = changed(PredictConfig(batch_size=batch_size, use_hpip=use_hpip), given)
    predictor = open_predictor(model_name, Path(model_dir), settings, device or "cpu")
    return Model(model_name, predictor, settings)


def changed(settings: PredictConfig, values: dict[str, Any]) -> PredictConfig:
    """The settings with those of `values` that are not None, checked."""
    given = {name: value for name, value in values.items() if value is not None}
    return PredictConfig.model_validate({**settings.model_dump(exclude_unset=True), **given})
