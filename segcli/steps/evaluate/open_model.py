"""Opens the model to evaluate: trained weights or an exported model, on a faster runtime if the export pays."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.config.input_size import fixed_size, wanted_shape
from segcli.config.schema import Config
from segcli.cpu import paddles_own_convolutions
from segcli.data.files import sha256_of
from segcli.data.formats.masks import find_root, scan_lists
from segcli.data.image import image_size
from segcli.device import available_device, on_cpu, select_device
from segcli.errors import SegcliError, WeightsError
from segcli.inference.activation import PLAIN, Activation
from segcli.inference.exported_model import ExportedModel, is_exported
from segcli.inference.guests.semantic import activation_of
from segcli.inference.onnx_conversion import converter_installed
from segcli.inference.parity import Reference
from segcli.inference.preprocess import Forward
from segcli.inference.runtimes.choice import open_runtime
from segcli.inference.runtimes.devices import inference_device
from segcli.inference.runtimes.open_graph import first_line
from segcli.inference.runtimes.protocol import forward_of
from segcli.inference.tiling import NetworkFacts, Tiling, tiling
from segcli.models.spec import Preprocess
from segcli.models.table import get_spec
from segcli.runtimes import PADDLE, runtimes
from segcli.steps.export.semantic import exported_beside, input_shape, trained_forward, trained_reference, write_files
from segcli.tasks import TASKS
from segcli.trained import load_trained
from segcli.weights.guest_home import exported_in, named_folder
from segcli.weights.official import resolve_weights
from segcli.weights.run_weights import best_weights

log = logging.getLogger("segcli.evaluate")

WORTHWHILE_PIXELS = 4_000_000
"""Pixels of the validation split from which an export pays.

Exporting PP-LiteSeg-T, the lightest network, takes 4 to 5 CPU-seconds and saves 2 per megapixel.
"""


@dataclass(frozen=True)
class MeasuredModel:
    """A network that is ready for evaluation.

    Attributes:
        forward: The network as a function of arrays.
        model_name: Name of the model, see `ExportedModel.title`.
        class_names: Its classes; empty if unknown.
        preprocess: How its input is computed from images.
        input_size: Required height and width of its input, in pixels; None for any size.
        batch_limit: Largest batch size; None for no limit.
        runtime: The runtime that runs it.
        source: The weight file, or the folder of the exported model.
        inputs: Statistics of the training images; see `segcli.models.card.ModelCard.inputs`.
        sha256: Checksum of the weight file, for an exported model of its source; empty if unknown.
        takes_any_size: Whether the network also takes inputs of other sizes than `input_size`.
        activation: How its outputs become probabilities.
    """

    forward: Forward
    model_name: str
    class_names: tuple[str, ...]
    preprocess: Preprocess
    input_size: tuple[int, int] | None
    batch_limit: int | None
    runtime: str
    source: Path
    inputs: Mapping[str, Any]
    sha256: str = ""
    takes_any_size: bool = False
    activation: Activation = PLAIN

    def tiling(self, config: Config) -> Tiling:
        """How large images are cut into tiles."""
        settings = config.Evaluate
        facts = NetworkFacts(self.preprocess, self.input_size, self.inputs, self.runtime)
        return tiling(settings.sliding_window, settings.memory_mb, facts)


@contextmanager
def open_measured(config: Config) -> Iterator[MeasuredModel]:
    """The model that `Evaluate.weight_path` names, or the best weights of the run; removes temporary exports.

    Raises:
        UsageError: There are no weights.
        WeightsError: They cannot be opened, or are of another model.
        MissingPartError: The requested runtime or, with `Global.strict_device`, the device is not available.
    """
    source = measured_source(config)
    with ExitStack() as stack:
        if is_exported(source):
            yield _open_exported(source, config)
            return
        runtime = _runtime_for_weights(config)
        if runtime != "paddle":
            fast = _try_fast(source, runtime, config, stack)
            if fast is not None:
                yield fast
                return
        yield _open_trained(source, config)


@contextmanager
def temporary_export(weights: Path) -> Iterator[Path]:
    """A folder for an export of weights, removed at the end; an error inside the block about what is in it names the
    weights."""
    with tempfile.TemporaryDirectory(prefix="segcli-evaluate-") as name:
        try:
            yield Path(name)
        except SegcliError as fault:
            if fault.path is not None and Path(fault.path).is_relative_to(name):
                fault.path = str(weights)
            raise


def measured_source(config: Config) -> Path:
    """The weight file or the exported folder that `Evaluate.weight_path` names, or the best weights of the run.

    Raises:
        UsageError: There are no weights.
    """
    spec = get_spec(config.Global.model)
    given = config.Evaluate.weight_path
    if given is not None and (folder := named_folder(Path(given))).is_dir():
        inside = folder / TASKS[spec.task].weight_file
        return inside if inside.is_file() and not is_exported(folder) else exported_in(folder)
    found = resolve_weights(given, spec)
    if found is not None:
        return found
    return best_weights(Path(config.Global.output), TASKS[spec.task].weight_file, "Evaluate.weight_path")


def _open_trained(weights: Path, config: Config) -> MeasuredModel:
    select_device(config.Global.device, strict=config.Global.strict_device)
    trained = load_trained(weights, config.Global.model)
    return MeasuredModel(
        forward=trained_forward(trained),
        model_name=trained.spec.name,
        class_names=trained.card.class_names,
        preprocess=trained.card.preprocess,
        input_size=fixed_size(trained.spec, config, trained.card.config),
        batch_limit=None,
        runtime="paddle",
        source=weights,
        inputs=trained.card.inputs,
        sha256=sha256_of(weights),
        takes_any_size=trained.spec.fixed_export is None,
    )


def _open_exported(folder: Path, config: Config) -> MeasuredModel:
    model = ExportedModel.open(folder)
    if model.model_name != config.Global.model:
        raise WeightsError(
            f"holds {model.model_name}, not {config.Global.model}",
            path=folder,
            hint=f"set Global.model={model.model_name}",
        )
    device = inference_device(config.Global.device, config.Evaluate.runtime, strict=config.Global.strict_device)
    return _on_runtime(model, config.Evaluate.runtime, device.partition(",")[0], folder)


def _on_runtime(
    model: ExportedModel, wanted: str, device: str, source: Path, reference: Reference | None = None
) -> MeasuredModel:
    runtime = open_runtime(model, wanted, device, reference=reference)
    return MeasuredModel(
        forward=forward_of(runtime),
        model_name=model.title,
        class_names=model.class_names,
        preprocess=model.preprocess,
        input_size=model.input_size,
        batch_limit=model.batch_limit,
        runtime=runtime.name,
        source=source,
        inputs={} if model.card is None else model.card.inputs,
        sha256=model.source_sha256,
        takes_any_size=model.input_size is None,
        activation=activation_of(model.guest, model.temperature),
    )


def _runtime_for_weights(config: Config) -> str:
    """The runtime for trained weights: ``paddle`` unless another is requested or worth an export."""
    wanted = config.Evaluate.runtime
    if wanted != "auto" or config.Evaluate.augment.scaled:
        return "paddle" if wanted == "auto" else wanted
    on_cpu = available_device(config.Global.device, strict=config.Global.strict_device) == "cpu"
    fast = converter_installed() and any(row.is_installed and row.name != PADDLE for row in runtimes().values())
    fixed = get_spec(config.Global.model).fixed_export is not None
    return "auto" if on_cpu and fast and not fixed and _pixels(config) >= WORTHWHILE_PIXELS else "paddle"


def _pixels(config: Config) -> int:
    """Pixels of the validation split, assuming that all images have the size of the first."""
    if config.Global.dataset_dir is None:
        return 0
    try:
        samples = scan_lists(find_root(Path(config.Global.dataset_dir))).val
        width, height = image_size(samples[0].image) if samples else (0, 0)
    except SegcliError:
        return 0
    return width * height * len(samples)


def _try_fast(weights: Path, runtime: str, config: Config, stack: ExitStack) -> MeasuredModel | None:
    """The weights on a fast runtime; None if that failed and the runtime is ``auto``."""
    try:
        beside = exported_beside(weights)
        folder, reference = (beside, None) if beside else _export_for_now(weights, config, stack)
        return _on_runtime(ExportedModel.open(folder), runtime, "cpu", weights, reference)
    except SegcliError as fault:
        if config.Evaluate.runtime != "auto":
            raise
        log.warning("evaluating with Paddle, because the faster runtime failed: %s", first_line(fault))
        return None


def _export_for_now(weights: Path, config: Config, stack: ExitStack) -> tuple[Path, Reference]:
    """Exports into a temporary folder; also returns the outputs of the trained network for an image."""
    folder = stack.enter_context(temporary_export(weights))
    with on_cpu():
        trained = load_trained(weights, config.Global.model)
        shape = input_shape(trained.spec, wanted_shape(config, trained.card.config), trained.card.preprocess.channels)
        with paddles_own_convolutions():
            reference, _ = trained_reference(trained, shape, config, most=1)
        write_files(trained, folder, shape, ("paddle",), sha256_of(weights))
    return folder, reference
