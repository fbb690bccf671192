"""Exports a semantic network."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from segcli.config.input_size import trained_shape, wanted_shape
from segcli.config.schema import Config
from segcli.data.decoding.image_range import COLOURS
from segcli.data.decoding.used_range import set_image_range
from segcli.data.files import sha256_of
from segcli.errors import ExportError
from segcli.inference.exported_model import (
    LABELS_FILE,
    LOGITS_FILE,
    MANIFEST_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    ExportedModel,
    InputShape,
    is_exported,
    manifest_values,
)
from segcli.inference.graphs import Graph
from segcli.inference.parity import Parity, Reference, compare
from segcli.inference.parity_samples import parity_images
from segcli.inference.preprocess import Forward, normalise
from segcli.models.spec import ModelSpec
from segcli.steps.export.frame import export_compared, temperature_for, warn_of_size
from segcli.steps.export.paddle_model import write_paddle_model
from segcli.steps.export.result import ExportResult
from segcli.steps.export.runtimes import compare_runtimes, open_written, write_forms
from segcli.tasks import engine_of
from segcli.trained import TrainedModel, load_trained
from segcli.weights.manifest import write_manifest

log = logging.getLogger("segcli.export")

BESIDE = "inference"
"""Name of the folder beside the best weights, as in PaddleX."""


def export_semantic(weights: Path, folder: Path, config: Config) -> ExportResult:
    """Writes an exported model and compares it with the trained network, see `export_compared`; arguments and errors
    are those of `export_weights`.
    """
    trained = load_trained(weights, config.Global.model)
    set_image_range(trained.card.preprocess.reads_by)
    shape = input_shape(trained.spec, wanted_shape(config, trained.card.config), trained.card.preprocess.channels)
    known = trained_shape(trained.card.config)
    if known is not None and min(known[2:]) > 0 and not trained.card.preprocess.keep_ratio:
        warn_of_size(known[2:], shape[2:])
    checksum = sha256_of(weights)
    heat = temperature_for(config, checksum)
    return export_compared(
        trained,
        folder,
        shape,
        config,
        refer=lambda: trained_reference(trained, shape, config),
        write=lambda fresh: write_files(trained, fresh, shape, config.Export.formats, checksum, heat),
        verify=lambda fresh, reference: _verify(fresh, reference, config.Export.tolerance),
    )


def input_shape(spec: ModelSpec, wanted: InputShape | None, channels: int = COLOURS) -> InputShape:
    """[N, C, H, W] of the exported input: the configured one, else the model's own, free where the network allows it.

    Args:
        spec: The model.
        wanted: From the configuration; 3 channels stand for the channels of the network.
        channels: Input channels of the network.

    Raises:
        ExportError: The network cannot be exported with a free size, or has another number of channels.
    """
    if wanted is None:
        return (-1, channels, -1, -1) if spec.fixed_export is None else (1, channels, *spec.fixed_export)
    if wanted[1] not in (COLOURS, channels):
        raise ExportError(f"the network takes {channels} channels, Export.input_shape has {wanted[1]}")
    if spec.fixed_export is not None and min(wanted[2:]) < 0:
        height, width = spec.fixed_export
        raise ExportError(
            f"{spec.name} cannot be exported with a free size", hint=f"Export.input_shape=[1,3,{height},{width}]"
        )
    return wanted[0], channels, *wanted[2:]


def write_files(  # noqa: PLR0917
    trained: TrainedModel,
    folder: Path,
    shape: InputShape,
    formats: tuple[str, ...],
    source_sha256: str,
    temperature: float = 1.0,
) -> dict[str, str]:
    """Writes all files of the exported model into `folder`; returns their names by kind.

    Some layers of the network may be replaced by equivalent ones.
    """
    engine = engine_of(trained.spec.task)
    write_paddle_model(engine.for_export(trained.network, trained.spec), folder, shape)
    files = {"paddle": LABELS_FILE, "paddle_logits": LOGITS_FILE, "paddle_weights": WEIGHTS_FILE}
    graph = Graph(folder / Path(ONNX_FILE).stem, folder / LOGITS_FILE, folder / WEIGHTS_FILE)
    files |= write_forms(graph, formats)
    write_manifest(folder, manifest_values(trained.card, shape, files, source_sha256, temperature))
    card = trained.card.save(folder)
    return {**files, "manifest": MANIFEST_FILE, "card": card.name}


def exported_beside(weights: Path) -> Path | None:
    """The folder with an export of exactly this weight file; None when there is none."""
    folder = weights.parent / BESIDE
    if not is_exported(folder):
        return None
    return folder if ExportedModel.open(folder).source_sha256 == sha256_of(weights) else None


def trained_forward(trained: TrainedModel) -> Forward:
    """The trained network as a function of arrays."""
    return engine_of(trained.spec.task).array_forward(trained.network)


def trained_reference(
    trained: TrainedModel, shape: InputShape, config: Config, *, most: int | None = None
) -> tuple[Reference, str]:
    """Returns outputs of the trained network for some images, and the origin of these.

    Args:
        trained: The network.
        shape: [N, C, H, W] of the exported input.
        config: Names the dataset and the input of predict.
        most: Most images to use; None uses all that `parity_images` returns.
    """
    size = None if min(shape[2:]) < 0 else (shape[2], shape[3])
    images, origin = parity_images(config, size, trained.card.preprocess.channels)
    inputs = [normalise([image], trained.card.preprocess) for image in images[:most]]
    return Reference.of(trained_forward(trained), inputs), origin


def _verify(folder: Path, reference: Reference, tolerance: float) -> tuple[Parity, ...]:
    model = ExportedModel.open(folder)
    labels = open_written(replace(model.graph, program=folder / LABELS_FILE))
    # the label program is the logit program plus one operator
    first = compare(labels, folder / LABELS_FILE, reference.first(), tolerance)
    others = compare_runtimes(
        model,
        lambda runtime, file: compare(runtime, file, reference, tolerance),
        lambda runtime: runtime.run(reference.inputs[0]),
    )
    return (first, *others)
