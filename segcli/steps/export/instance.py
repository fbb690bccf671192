"""Exports an instance network."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from segcli.config.schema import Config
from segcli.data.decoding.used_range import set_image_range
from segcli.data.files import sha256_of
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
    STEM_FILE,
    WEIGHTS_FILE,
    ExportedModel,
    InputShape,
    instance_manifest_values,
)
from segcli.inference.graphs import Graph
from segcli.inference.instance_input import joined_feeds, prepare
from segcli.inference.object_parity import ObjectParity, ObjectReference, compare_objects
from segcli.inference.onnx_conversion import converter_installed
from segcli.inference.parity_samples import parity_images
from segcli.inference.runtimes.protocol import Runtime
from segcli.models.instance.table import SIZED, MaskForm, has_onnx_form
from segcli.models.spec import Preprocess
from segcli.models.task import Task
from segcli.steps.export.frame import export_compared, temperature_for, warn_of_size
from segcli.steps.export.result import ExportResult
from segcli.steps.export.runtimes import compare_runtimes, open_written, wants_onnx, write_forms
from segcli.tasks import engine_of
from segcli.trained import TrainedModel, load_trained
from segcli.weights.manifest import write_manifest

log = logging.getLogger("segcli.export")

_DIVISOR = 32


def export_instance(weights: Path, folder: Path, config: Config) -> ExportResult:
    """Writes an exported model and compares it with the trained network, see `export_compared`; arguments and errors
    are those of `export_weights`.
    """
    trained = _sized(load_trained(weights, config.Global.model), config)
    set_image_range(trained.card.preprocess.reads_by)
    checksum = sha256_of(weights)
    heat = temperature_for(config, checksum)
    return export_compared(
        trained,
        folder,
        input_shape(trained.card.preprocess),
        config,
        refer=lambda: _references(trained, config),
        write=lambda fresh: write_instance_files(trained, fresh, config.Export.formats, checksum, heat),
        verify=lambda fresh, references: _verify(fresh, trained, references, config.Export.tolerance),
    )


def write_instance_files(
    trained: TrainedModel, folder: Path, formats: tuple[str, ...], source_sha256: str, temperature: float = 1.0
) -> dict[str, str]:
    """Writes all files of the exported model into `folder`; returns their names by kind.

    An R-CNN has no ONNX form as a whole. It is also written in two parts, the first of them as ONNX, if requested or if
    the converter is installed.

    Raises:
        ExportError: The network cannot be written in one of the formats.
        MissingPartError: The converter is not installed.
    """
    files = _write_programs(trained, folder)
    if has_onnx_form(trained.spec.name):
        graph = Graph(folder / Path(ONNX_FILE).stem, folder / OBJECTS_FILE, folder / WEIGHTS_FILE)
        files |= write_forms(graph, formats)
    elif wants_onnx(formats) or converter_installed():
        files |= _write_split(trained, folder, formats)
    write_manifest(folder, instance_manifest_values(trained.card, files, source_sha256, temperature))
    card = trained.card.save(folder)
    return {**files, "manifest": MANIFEST_FILE, "card": card.name}


def input_shape(preprocess: Preprocess) -> InputShape:
    """[N, C, H, W] of the exported input, one image at a time: fixed for squares, else free."""
    if preprocess.size is None or preprocess.keep_ratio:
        return (1, 3, -1, -1)
    return (1, 3, *preprocess.size)


def _write_programs(trained: TrainedModel, folder: Path) -> dict[str, str]:
    """Writes PaddleX's program with whole masks and segcli's with small masks, with shared weights; returns the files.

    There is no PaddleX program for models whose objects are grown from maps: PaddleX has no such models.
    """
    save = _engine().save_program
    height, width = input_shape(trained.card.preprocess)[2:]
    size = (height, width) if height > 0 else None
    small, whole = folder / Path(OBJECTS_FILE).stem, folder / Path(LABELS_FILE).stem
    files = {"paddle_objects": OBJECTS_FILE, "paddle_weights": WEIGHTS_FILE}
    try:
        if _has_whole_masks(trained):
            save(trained.network, whole, size, small=False)
        save(trained.network, small, size, small=True)
    except Exception as fault:
        raise ExportError(f"Paddle cannot export the network: {fault}", path=folder) from fault
    second = small.with_suffix(".pdiparams")
    if not _has_whole_masks(trained):
        second.rename(folder / WEIGHTS_FILE)
        return files
    if sha256_of(second) != sha256_of(folder / WEIGHTS_FILE):
        raise ExportError("Paddle wrote the weights of the two programs in different orders", path=folder)
    second.unlink()
    return {"paddle": LABELS_FILE, **files}


def _has_whole_masks(trained: TrainedModel) -> bool:
    return SIZED[trained.spec.name].masks is not MaskForm.PIXELS


def _write_split(trained: TrainedModel, folder: Path, formats: tuple[str, ...]) -> dict[str, str]:
    """Writes the two parts of an R-CNN; returns their files by kind."""
    stem = folder / Path(STEM_FILE).stem
    try:
        _engine().save_two_parts(trained.network, stem, folder / Path(HEADS_FILE).stem)
    except Exception as fault:
        raise ExportError(f"Paddle cannot export the two parts of the network: {fault}", path=folder) from fault
    graph = Graph(stem, stem.with_suffix(".json"), stem.with_suffix(".pdiparams"))
    forms = write_forms(graph, formats)
    stem.with_suffix(".json").unlink()
    stem.with_suffix(".pdiparams").unlink()
    files = {"heads": HEADS_FILE, "heads_weights": HEADS_WEIGHTS_FILE}
    return files | {"stem" if kind == "onnx" else f"{kind}_stem": name for kind, name in forms.items()}


def _engine() -> InstanceEngine:
    engine = engine_of(Task.INSTANCE)
    return cast(InstanceEngine, engine)


def _sized(trained: TrainedModel, config: Config) -> TrainedModel:
    """The trained model, with the input size of `Export.input_shape` where one is given.

    Raises:
        ExportError: The network does not accept this size.
    """
    wanted = config.Export.input_shape
    own = input_shape(trained.card.preprocess)
    if wanted is None or tuple(wanted[1:]) == own[1:]:
        return trained
    height, width = wanted[2:]
    if own[2] < 0 or wanted[1] != 3 or min(height, width) < 1 or height % _DIVISOR or width % _DIVISOR:
        hint = f"Export.input_shape={list(own)}" if own[2] < 0 else f"give sides that are multiples of {_DIVISOR}"
        raise ExportError(f"{trained.spec.name} cannot be exported with the input {list(wanted)}", hint=hint)
    warn_of_size(own[2:], (height, width))
    card = replace(trained.card, preprocess=replace(trained.card.preprocess, size=(height, width)))
    return replace(trained, card=card)


@dataclass(frozen=True)
class _References:
    """Outputs of the trained network: with small masks, and for one image with whole masks, which take seconds.

    A network whose objects are grown from maps has no whole masks.
    """

    small: ObjectReference
    whole: ObjectReference | None


def _references(trained: TrainedModel, config: Config) -> tuple[_References, str]:
    images, origin = parity_images(config, None)
    prepared = [prepare(image, trained.card.preprocess) for image in images]
    forward = _engine().array_forward
    small = ObjectFinder(forward(trained.network), SIZED[trained.spec.name].masks)
    whole = None
    if _has_whole_masks(trained):
        whole = ObjectReference.of(ObjectFinder(forward(trained.network, small=False), None), prepared[:1])
    found = _References(ObjectReference.of(small, prepared), whole)
    if found.small.finds_nothing:
        log.warning("the network finds no object in %s, so there is little to compare", origin)
    return found, origin


def _verify(folder: Path, trained: TrainedModel, references: _References, tolerance: float) -> tuple[ObjectParity, ...]:
    model = ExportedModel.open(folder)
    small = references.small
    first = () if references.whole is None else (_compare_whole(model, references.whole, tolerance),)

    def against_small(runtime: Runtime, file: Path) -> ObjectParity:
        find = ObjectFinder(runtime.run_named, SIZED[trained.spec.name].masks)
        return compare_objects(find, runtime.name, file, small, tolerance)

    feeds = joined_feeds(small.images[:1])
    return (*first, *compare_runtimes(model, against_small, lambda runtime: runtime.run_named(feeds)))


def _compare_whole(model: ExportedModel, reference: ObjectReference, tolerance: float) -> ObjectParity:
    """Compares PaddleX's program with the trained network."""
    file = model.folder / LABELS_FILE
    labels = open_written(replace(model.graph, program=file))
    return compare_objects(ObjectFinder(labels.run_named, None), labels.name, file, reference, tolerance)
