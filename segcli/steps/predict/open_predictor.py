"""Opens the predictor of a model's task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segcli.config.schema import PredictConfig
from segcli.device import available_device
from segcli.errors import UsageError
from segcli.inference.exported_model import ExportedModel, is_exported
from segcli.inference.runtimes.devices import inference_device
from segcli.models.promptable.specs import is_same_network
from segcli.models.spec import ModelSpec
from segcli.models.table import get_spec
from segcli.progress import working
from segcli.steps.predict.options import wanted_runtime
from segcli.steps.predict.protocol import Predictor
from segcli.tasks import step_part


def open_predictor(name: str, folder: Path, settings: PredictConfig, device: str, *, strict: bool = False) -> Predictor:
    """Opens the exported model in `folder`, which must be the model called `name`.

    A promptable model is opened from a weight file as well.

    Raises:
        UsageError: There is no such model, or the folder holds another.
        WeightsError: The folder holds no exported model.
        MissingPartError: No runtime can open it, or the device is missing and `strict` is set.
    """
    spec = get_spec(name)
    opener = step_part("predict", spec.task)
    predictor: Predictor
    if hasattr(opener, "open_weights") and not is_exported(folder):
        there = available_device(device, strict=strict)
        predictor = opener.open_weights(spec, folder, settings, first_device(there))
        return predictor
    there = inference_device(device, wanted_runtime(settings), strict=strict)
    with working("opening the model"):
        return _of_folder(spec, folder, settings, opener, first_device(there))


def _of_folder(spec: ModelSpec, folder: Path, settings: PredictConfig, opener: Any, device: str) -> Predictor:
    exported = ExportedModel.open(folder)
    if not is_same_network(exported.model_name, spec.name):
        raise UsageError(
            f"the folder holds {exported.model_name}, not {spec.name}",
            path=folder,
            hint=f"name the model {exported.model_name}, or give a folder of {spec.name}",
        )
    predictor: Predictor = opener.open(folder, settings, device)
    return predictor


def first_device(device: str) -> str:
    """The first device of a list, ``gpu:1`` of ``gpu:1,2``: prediction runs on one device."""
    return device.partition(",")[0]
