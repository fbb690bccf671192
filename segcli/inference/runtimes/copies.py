"""The ONNX copy of an exported model: made at the first use of a runtime that needs it, compared, and then kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from segcli.config.schema import ExportConfig
from segcli.data.files import atomic_path
from segcli.errors import ExportError, MissingPartError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import ONNX_FILE, STEM_FILE, WEIGHTS_FILE, ExportedModel
from segcli.inference.instance_input import prepare
from segcli.inference.object_parity import ObjectReference, compare_objects
from segcli.inference.onnx_conversion import can_convert, convert_program, program_of
from segcli.inference.parity import Reference, compare
from segcli.inference.parity_samples import generated_image
from segcli.inference.preprocess import NetworkInput, normalise, resize_image
from segcli.inference.runtimes.paddle_runtime import PaddleRuntime
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.models.instance.table import SIZED, has_onnx_form

log = logging.getLogger("segcli.predict")

TOLERANCE = ExportConfig().tolerance

Opener = Callable[[Path, int], Runtime]
"""Opens a file with a number of threads."""


def onnx_file(model: ExportedModel, opener: Opener, *, verify: bool = True) -> Path:
    """The ONNX file of a model, made at its first use and kept beside it where it agrees with Paddle's program.

    Args:
        model: The model.
        opener: What will run the file; a copy made here is compared on it.
        verify: Whether a copy made here is compared.

    Raises:
        MissingPartError: There is none and it cannot be made.
        ExportError: The conversion failed.
        ParityError: What was made disagrees with Paddle's program; it is thrown away.
    """
    path = model.folder / ONNX_FILE
    if path.is_file():
        return path
    if not has_onnx_form(model.model_name):
        raise MissingPartError(
            f"{model.model_name} has no ONNX form, and the folder holds no {STEM_FILE}",
            path=model.folder,
            hint="export again with segcli[onnx] installed",
        )
    if not can_convert(model.folder):
        raise MissingPartError(
            f"the folder holds no {ONNX_FILE} and it cannot be made",
            path=model.folder,
            hint="pip install 'segcli[onnx]', or export with Export.formats=[paddle,onnx]",
        )
    try:
        with atomic_path(path) as fresh:
            convert_program(program_of(model.folder), model.folder / WEIGHTS_FILE, fresh)
            if verify:
                _compare(model, opener(fresh, thread_count()), path)
    except OSError as fault:
        raise ExportError(f"{ONNX_FILE} cannot be written: {fault}", path=model.folder) from fault
    log.info("converted the model to ONNX for the fast runtimes")
    return path


def _compare(model: ExportedModel, runtime: Runtime, file: Path) -> None:
    """Compares a copy with the program of Paddle that it was made of, on a generated image."""
    program, weights = program_of(model.folder), model.folder / WEIGHTS_FILE
    original = PaddleRuntime(program, weights, "cpu", thread_count())
    if model.gives_small_masks:
        form = SIZED[model.model_name].masks
        images = [prepare(generated_image(), model.preprocess)]
        found = ObjectReference.of(ObjectFinder(original.run_named, form), images)
        compare_objects(ObjectFinder(runtime.run_named, form), runtime.name, file, found, TOLERANCE)
    else:
        compare(runtime, file, Reference.of(original.run, [_input(model)]), TOLERANCE)


def _input(model: ExportedModel) -> NetworkInput:
    image = generated_image()
    size = model.input_size or image.shape[:2]
    return normalise([resize_image(image, *size)], model.preprocess)
