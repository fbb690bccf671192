"""Exports a semantic network."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from segcli.config.input_size import wanted_shape
from segcli.config.schema import Config
from segcli.data.files import sha256_of, whole_folder
from segcli.errors import ExportError
from segcli.inference.exported_model import (
    FREE_SHAPE,
    LABELS_FILE,
    LOGITS_FILE,
    MANIFEST_FILE,
    ONNX_FILE,
    OPENVINO_FILE,
    WEIGHTS_FILE,
    ExportedModel,
    InputShape,
    is_exported,
    manifest_values,
    write_manifest,
)
from segcli.inference.onnx_conversion import write_onnx, write_openvino
from segcli.inference.parity import Parity, Reference, compare
from segcli.inference.parity_samples import parity_images
from segcli.inference.preprocess import Forward, normalise
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.models.spec import ModelSpec
from segcli.steps.export.paddle_model import write_paddle_model
from segcli.steps.export.result import ExportResult
from segcli.tasks import engine_of
from segcli.trained import TrainedModel, load_trained

log = logging.getLogger("segcli.export")

BESIDE = "inference"
"""Name of the folder beside the best weights, as in PaddleX."""


def export_semantic(weights: Path, folder: Path, config: Config) -> ExportResult:
    """Writes an exported model and compares it with the trained network.

    The folder appears whole or not at all; an older one stays when the export or the comparison fails.

    Args:
        weights: Trained weights with their card beside them, or official ones.
        folder: Where the exported model goes.
        config: `Export` says what to write, `Global.dataset_dir` and `Predict.input` on what to compare.

    Raises:
        WeightsError: The weights cannot be opened.
        ExportError: The model cannot be written.
        ParityError: What was written disagrees with the trained network.
    """
    trained = load_trained(weights, config.Global.model)
    shape = input_shape(trained.spec, wanted_shape(config))
    with whole_folder(folder) as fresh:
        reference, origin = trained_reference(trained, shape, config) if config.Export.verify else (None, None)
        files = write_files(trained, fresh, shape, config.Export.formats, sha256_of(weights))
        parity = () if reference is None else _verify(fresh, files, reference, config.Export.tolerance)
    return ExportResult(folder, trained.spec.name, trained.card.class_names, shape, files, parity, origin)


def input_shape(spec: ModelSpec, wanted: InputShape | None) -> InputShape:
    """[N, C, H, W] of the exported input: the wanted one, else the model's own, free where the network allows it.

    Raises:
        ExportError: The network cannot be exported with a free size, or has not 3 channels.
    """
    if wanted is None:
        return FREE_SHAPE if spec.fixed_export is None else (1, 3, *spec.fixed_export)
    if wanted[1] != 3:
        raise ExportError(f"images have 3 channels, Export.input_shape has {wanted[1]}")
    if spec.fixed_export is not None and min(wanted[2:]) < 0:
        height, width = spec.fixed_export
        raise ExportError(
            f"{spec.name} cannot be exported with a free size", hint=f"Export.input_shape=[1,3,{height},{width}]"
        )
    return wanted


def write_files(
    trained: TrainedModel, folder: Path, shape: InputShape, formats: tuple[str, ...], source_sha256: str
) -> dict[str, str]:
    """Writes every file of the exported model into `folder`; returns their names by what they are.

    The network may have some layers replaced by others that compute the same.
    """
    engine = engine_of(trained.spec.task)
    write_paddle_model(engine.for_export(trained.network, trained.spec), folder, shape)
    files = {"paddle": LABELS_FILE, "paddle_logits": LOGITS_FILE, "paddle_weights": WEIGHTS_FILE}
    if {"onnx", "openvino"} & set(formats):
        write_onnx(folder)
        files["onnx"] = ONNX_FILE
    if "openvino" in formats:
        write_openvino(folder, folder / OPENVINO_FILE)
        files["openvino"] = OPENVINO_FILE
        files["openvino_weights"] = str(Path(OPENVINO_FILE).with_suffix(".bin"))
    write_manifest(folder, manifest_values(trained.card, shape, files, source_sha256))
    card = trained.card.save(folder)
    return {**files, "manifest": MANIFEST_FILE, "card": card.name}


def exported_beside(weights: Path) -> Path | None:
    """The folder into which training has exported exactly this weight file; None when there is none."""
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
    """What the trained network says of images at hand, and where these come from.

    Args:
        trained: The network.
        shape: [N, C, H, W] of the exported input.
        config: Names the dataset and the input of predict.
        most: Images that are taken at most; None takes all that `parity_images` gives.
    """
    size = None if min(shape[2:]) < 0 else (shape[2], shape[3])
    images, origin = parity_images(config, size)
    inputs = [normalise([image], trained.card.preprocess) for image in images[:most]]
    return Reference.of(trained_forward(trained), inputs), origin


def _verify(folder: Path, files: dict[str, str], reference: Reference, tolerance: float) -> tuple[Parity, ...]:
    threads = thread_count()
    weights = folder / WEIGHTS_FILE
    openers: dict[str, tuple[str, Callable[[], Runtime]]] = {
        LABELS_FILE: ("paddle", lambda: PaddleRuntime(folder / LABELS_FILE, weights, "cpu", threads)),
        LOGITS_FILE: ("paddle", lambda: PaddleRuntime(folder / LOGITS_FILE, weights, "cpu", threads)),
        ONNX_FILE: ("onnxruntime", lambda: OnnxRuntime(folder / ONNX_FILE, threads)),
        OPENVINO_FILE: ("openvino", lambda: OpenVinoRuntime(folder / OPENVINO_FILE, threads)),
    }
    compared: list[Parity] = []
    for file in files.values():
        if file not in openers:
            continue
        package, opener = openers[file]
        if find_spec(package) is None:
            log.warning("%s was not compared: %s is not installed", file, package)
            continue
        # the label program is the logit program and one operator more
        against = reference.first() if file == LABELS_FILE else reference
        compared.append(compare(_open(opener, folder / file), folder / file, against, tolerance))
    return tuple(compared)


def _open(opener: Callable[[], Runtime], file: Path) -> Runtime:
    try:
        return opener()
    except Exception as fault:
        raise ExportError(f"what was written cannot be opened again: {fault}", path=file) from fault
