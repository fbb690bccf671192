"""Exports an instance network."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from segcli.config.schema import Config
from segcli.data.files import sha256_of, whole_folder
from segcli.engine import InstanceEngine
from segcli.errors import ExportError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import (
    HEADS_FILE,
    HEADS_WEIGHTS_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    OBJECTS_FILE,
    ONNX_FILE,
    OPENVINO_FILE,
    OPENVINO_STEM_FILE,
    STEM_FILE,
    WEIGHTS_FILE,
    InputShape,
    instance_manifest_values,
    write_manifest,
)
from segcli.inference.instance_input import prepare
from segcli.inference.object_parity import ObjectParity, ObjectReference, compare_objects
from segcli.inference.onnx_conversion import (
    convert_program,
    converter_installed,
    write_onnx,
    write_openvino,
    write_openvino_form,
)
from segcli.inference.parity_samples import parity_images
from segcli.inference.runtimes.onnx_runtime import OnnxRuntime
from segcli.inference.runtimes.openvino_runtime import OpenVinoRuntime
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.inference.runtimes.split_runtime import SplitRuntime
from segcli.models.instance.table import SIZED, has_onnx_form
from segcli.models.spec import Preprocess
from segcli.models.task import Task
from segcli.steps.export.result import ExportResult
from segcli.tasks import engine_of
from segcli.trained import TrainedModel, load_trained

log = logging.getLogger("segcli.export")

_DIVISOR = 32


def export_instance(weights: Path, folder: Path, config: Config) -> ExportResult:
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
    trained = _sized(load_trained(weights, config.Global.model), config)
    with whole_folder(folder) as fresh:
        references = _references(trained, config) if config.Export.verify else None
        files = write_instance_files(trained, fresh, config.Export.formats, sha256_of(weights))
        parity = () if references is None else _verify(fresh, files, trained, references, config.Export.tolerance)
    shape = input_shape(trained.card.preprocess)
    origin = None if references is None else references.origin
    return ExportResult(folder, trained.spec.name, trained.card.class_names, shape, files, parity, origin)


def write_instance_files(
    trained: TrainedModel, folder: Path, formats: tuple[str, ...], source_sha256: str
) -> dict[str, str]:
    """Writes every file of the exported model into `folder`; returns their names by what they are.

    An R-CNN has no ONNX form. It is written in two parts as well, the first of them as ONNX, where that is asked for or
    the converter is installed.

    Raises:
        ExportError: The network cannot be written in one of the formats.
        MissingPartError: The converter is not installed.
    """
    wanted = {"onnx", "openvino"} & set(formats)
    whole = has_onnx_form(trained.spec.name)
    _write_programs(trained, folder)
    files = {"paddle": LABELS_FILE, "paddle_objects": OBJECTS_FILE, "paddle_weights": WEIGHTS_FILE}
    if not whole and (wanted or converter_installed()):
        files.update(_write_split(trained, folder, openvino="openvino" in formats))
    if whole and wanted:
        write_onnx(folder)
        files["onnx"] = ONNX_FILE
    if whole and "openvino" in formats:
        write_openvino(folder, folder / OPENVINO_FILE)
        files["openvino"] = OPENVINO_FILE
        files["openvino_weights"] = str(Path(OPENVINO_FILE).with_suffix(".bin"))
    write_manifest(folder, instance_manifest_values(trained.card, files, source_sha256))
    card = trained.card.save(folder)
    return {**files, "manifest": MANIFEST_FILE, "card": card.name}


def input_shape(preprocess: Preprocess) -> InputShape:
    """[N, C, H, W] of the exported input, one image at a time: fixed for squares, else free."""
    if preprocess.size is None or preprocess.keep_ratio:
        return (1, 3, -1, -1)
    return (1, 3, *preprocess.size)


def _write_programs(trained: TrainedModel, folder: Path) -> None:
    """PaddleX's program with whole masks and ours with small ones; both have the same weights in the same order."""
    save = _engine().save_program
    height, width = input_shape(trained.card.preprocess)[2:]
    size = (height, width) if height > 0 else None
    small, whole = folder / Path(OBJECTS_FILE).stem, folder / Path(LABELS_FILE).stem
    try:
        save(trained.network, whole, size, small=False)
        save(trained.network, small, size, small=True)
    except Exception as fault:
        raise ExportError(f"Paddle cannot export the network: {fault}", path=folder) from fault
    second = small.with_suffix(".pdiparams")
    if sha256_of(second) != sha256_of(folder / WEIGHTS_FILE):
        raise ExportError("Paddle wrote the weights of the two programs in different orders", path=folder)
    second.unlink()


def _write_split(trained: TrainedModel, folder: Path, *, openvino: bool) -> dict[str, str]:
    """Writes the two parts of an R-CNN; returns their files by what they are."""
    save = _engine().save_two_parts
    stem = folder / Path(STEM_FILE).stem
    try:
        save(trained.network, stem, folder / Path(HEADS_FILE).stem)
    except Exception as fault:
        raise ExportError(f"Paddle cannot export the two parts of the network: {fault}", path=folder) from fault
    program, weights = stem.with_suffix(".json"), stem.with_suffix(".pdiparams")
    convert_program(program, weights, folder / STEM_FILE)
    program.unlink()
    weights.unlink()
    files = {"stem": STEM_FILE, "heads": HEADS_FILE, "heads_weights": HEADS_WEIGHTS_FILE}
    if openvino:
        write_openvino_form(folder / STEM_FILE, folder / OPENVINO_STEM_FILE)
        files["openvino_stem"] = OPENVINO_STEM_FILE
        files["openvino_stem_weights"] = str(Path(OPENVINO_STEM_FILE).with_suffix(".bin"))
    return files


def _engine() -> InstanceEngine:
    engine = engine_of(Task.INSTANCE)
    return cast(InstanceEngine, engine)


def _sized(trained: TrainedModel, config: Config) -> TrainedModel:
    """The trained model, with the input size of `Export.input_shape` where one is given.

    Raises:
        ExportError: The network cannot take it.
    """
    wanted = config.Export.input_shape or config.Train.input_shape
    own = input_shape(trained.card.preprocess)
    if wanted is None or tuple(wanted[1:]) == own[1:]:
        return trained
    height, width = wanted[2:]
    if own[2] < 0 or wanted[1] != 3 or min(height, width) < 1 or height % _DIVISOR or width % _DIVISOR:
        hint = f"Export.input_shape={list(own)}" if own[2] < 0 else f"give sides that are multiples of {_DIVISOR}"
        raise ExportError(f"{trained.spec.name} cannot be exported with the input {list(wanted)}", hint=hint)
    card = replace(trained.card, preprocess=replace(trained.card.preprocess, size=(height, width)))
    return replace(trained, card=card)


@dataclass(frozen=True)
class _References:
    """What the trained network says, with small masks and, of one image alone, with whole ones: they take seconds."""

    small: ObjectReference
    whole: ObjectReference
    origin: str


def _references(trained: TrainedModel, config: Config) -> _References:
    images, origin = parity_images(config, None)
    prepared = [prepare(image, trained.card.preprocess) for image in images]
    forward = _engine().array_forward
    small = ObjectFinder(forward(trained.network), SIZED[trained.spec.name].masks)
    whole = ObjectFinder(forward(trained.network, small=False), None)
    found = _References(ObjectReference.of(small, prepared), ObjectReference.of(whole, prepared[:1]), origin)
    if not any(len(detections.scores) for detections in found.small.found):
        log.warning("the network finds no object in %s, so there is little to compare", origin)
    return found


def _verify(
    folder: Path, files: dict[str, str], trained: TrainedModel, references: _References, tolerance: float
) -> tuple[ObjectParity, ...]:
    threads = thread_count()
    weights = folder / WEIGHTS_FILE

    def split(stem: Runtime) -> Runtime:
        return SplitRuntime(stem, PaddleRuntime(folder / HEADS_FILE, folder / HEADS_WEIGHTS_FILE, "cpu", threads))

    openers: dict[str, tuple[str, Callable[[], Runtime]]] = {
        LABELS_FILE: ("paddle", lambda: PaddleRuntime(folder / LABELS_FILE, weights, "cpu", threads)),
        OBJECTS_FILE: ("paddle", lambda: PaddleRuntime(folder / OBJECTS_FILE, weights, "cpu", threads)),
        ONNX_FILE: ("onnxruntime", lambda: OnnxRuntime(folder / ONNX_FILE, threads)),
        OPENVINO_FILE: ("openvino", lambda: OpenVinoRuntime(folder / OPENVINO_FILE, threads)),
        STEM_FILE: ("onnxruntime", lambda: split(OnnxRuntime(folder / STEM_FILE, threads))),
        OPENVINO_STEM_FILE: ("openvino", lambda: split(OpenVinoRuntime(folder / OPENVINO_STEM_FILE, threads))),
    }
    compared = []
    for file in files.values():
        if file not in openers:
            continue
        package, opener = openers[file]
        if find_spec(package) is None:
            log.warning("%s was not compared: %s is not installed", file, package)
            continue
        try:
            runtime = opener()
        except Exception as fault:
            raise ExportError(f"what was written cannot be opened again: {fault}", path=folder / file) from fault
        find = ObjectFinder(runtime.run_named, None if file == LABELS_FILE else SIZED[trained.spec.name].masks)
        against = references.whole if file == LABELS_FILE else references.small
        compared.append(compare_objects(find, runtime.name, folder / file, against, tolerance))
    return tuple(compared)
