"""Opens the instance model to evaluate: trained weights or an exported model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.schema import Config
from segcli.data.files import sha256_of
from segcli.device import on_cpu, select_device
from segcli.errors import UsageError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import ExportedModel, is_exported
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.devices import inference_device
from segcli.inference.tiling import NetworkFacts, Tiling, tiling
from segcli.models.instance.table import SIZED
from segcli.models.spec import Preprocess
from segcli.steps.evaluate.open_model import measured_source, temporary_export
from segcli.tasks import engine_of
from segcli.trained import load_trained

log = logging.getLogger("segcli.evaluate")


@dataclass(frozen=True)
class MeasuredInstanceModel:
    """An instance network that is ready for evaluation.

    Attributes:
        find: The network.
        model_name: Name of the model, see `ExportedModel.title`.
        class_names: Its classes; empty if unknown.
        preprocess: How its input is computed from images.
        batch_limit: Largest batch size; None for no limit.
        runtime: The runtime that runs it.
        source: The weight file, or the folder of the exported model.
        inputs: Statistics of the training images; see `segcli.models.card.ModelCard.inputs`.
        sha256: Checksum of the weight file; empty if unknown.
    """

    find: ObjectFinder
    model_name: str
    class_names: tuple[str, ...]
    preprocess: Preprocess
    batch_limit: int | None
    runtime: str
    source: Path
    inputs: Mapping[str, Any]
    sha256: str = ""

    def tiling(self, config: Config) -> Tiling:
        """How large images are cut into tiles."""
        settings = config.Evaluate
        facts = NetworkFacts(self.preprocess, None, self.inputs, self.runtime)
        return tiling(settings.sliding_window, settings.memory_mb, facts)


@contextmanager
def open_measured(config: Config) -> Iterator[MeasuredInstanceModel]:
    """The model that `Evaluate.weight_path` names, or the best weights of the run.

    Trained weights run in Paddle; if `Evaluate.runtime` names another runtime, they are exported for it into a
    temporary folder.

    Raises:
        UsageError: There are no weights, or the folder holds another model.
        WeightsError: They cannot be opened, or are of another model.
        MissingPartError: The requested runtime or, with `Global.strict_device`, the device is not available.
    """
    source = measured_source(config)
    if is_exported(source):
        yield _open_exported(source, source, config)
    elif config.Evaluate.runtime in ("auto", "paddle"):
        yield _open_trained(source, config)
    else:
        from segcli.steps.export.instance import write_instance_files

        with temporary_export(source) as folder:
            with on_cpu():
                trained = load_trained(source, config.Global.model)
                write_instance_files(trained, folder, ("paddle",), sha256_of(source))
            yield _open_exported(folder, source, config)


def _open_trained(weights: Path, config: Config) -> MeasuredInstanceModel:
    select_device(config.Global.device, strict=config.Global.strict_device)
    trained = load_trained(weights, config.Global.model)
    forward = engine_of(trained.spec.task).array_forward(trained.network)
    return MeasuredInstanceModel(
        find=ObjectFinder(forward, SIZED[trained.spec.name].masks),
        model_name=trained.spec.name,
        class_names=trained.card.class_names,
        preprocess=trained.card.preprocess,
        batch_limit=None,
        runtime="paddle",
        source=weights,
        inputs=trained.card.inputs,
        sha256=sha256_of(weights),
    )


def _open_exported(folder: Path, source: Path, config: Config) -> MeasuredInstanceModel:
    model = ExportedModel.open(folder)
    if model.model_name != config.Global.model:
        raise UsageError(
            f"the folder holds {model.model_name}, not {config.Global.model}",
            path=folder,
            hint=f"set Global.model={model.model_name}",
        )
    device = inference_device(config.Global.device, config.Evaluate.runtime, strict=config.Global.strict_device)
    runtime = open_runtime(model, config.Evaluate.runtime, device.partition(",")[0])
    return MeasuredInstanceModel(
        find=ObjectFinder(runtime.run_named, model.mask_form, model.temperature),
        model_name=model.title,
        class_names=model.class_names,
        preprocess=model.preprocess,
        batch_limit=1,
        runtime=runtime.name,
        source=source,
        inputs={} if model.card is None else model.card.inputs,
        sha256=model.source_sha256,
    )
