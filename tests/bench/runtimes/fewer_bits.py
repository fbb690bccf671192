"""One model with random weights in 8 bits, and in 16 where the processor has them.

What such weights can show: whether the model converts, its size, its time, and how far the answers are from those of 32
bits. A score needs trained weights: `segcli models quantize` measures it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segcli.data.detections import Detections
from segcli.errors import SegcliError
from segcli.inference.decode_objects import ObjectFinder
from segcli.inference.exported_model import ONNX_FILE, ExportedModel
from segcli.inference.instance_input import prepare
from segcli.inference.model_runtime import ONNX_RUNTIME, is_open_to, open_on
from segcli.inference.parity_samples import generated_image
from segcli.inference.precision import HALVES, half_runtime, parse_precision, require_half
from segcli.inference.preprocess import normalise, resize_image
from segcli.inference.runtimes.protocol import Runtime
from segcli.models.table import get_spec
from segcli.runtimes import runtimes
from segcli.steps.quantize.command import PRECISIONS
from segcli.steps.quantize.networks import write_half, write_int8
from segcli.steps.quantize.parts import QuantizeParts
from segcli.steps.suggest.instance import matched
from segcli.tasks import step_part
from tests.bench.runtimes.timing import cpu_milliseconds

Found = dict[str, Any]
SAME_OBJECT_IOU = 0.75
_MOST_OBJECTS = 100


def of_precisions(model: ExportedModel, scratch: Path, job: Callable[[Runtime], object]) -> dict[str, Found]:
    """What is known of a model with fewer bits, by precision; a ``fault`` where it cannot be made or run.

    Args:
        model: The model with 32 bits; its ONNX file is there.
        scratch: A folder for the models that are made.
        job: Runs one image on a runtime.
    """
    found: dict[str, Found] = {}
    for precision in PRECISIONS:
        try:
            found[precision] = _of_precision(model, precision, scratch / precision, job)
        except SegcliError as fault:
            found[precision] = {"fault": fault.message}
    return found


def _of_precision(model: ExportedModel, precision: str, folder: Path, job: Callable[[Runtime], object]) -> Found:
    if precision in HALVES:
        require_half(parse_precision(precision), "cpu")
    folder.mkdir()
    if precision in HALVES:
        write_half(model, folder, parse_precision(precision))
        made = ExportedModel.open(folder)
        return {"cpu_ms": {half_runtime("auto", "cpu"): _milliseconds(made, half_runtime("auto", "cpu"), job)}}
    source = model.folder / ONNX_FILE
    image = folder / "calibration.png"
    Image.fromarray(generated_image()).save(image)
    begin = time.process_time()
    of_task: QuantizeParts = step_part("quantize", get_spec(model.model_name).task)
    write_int8(model, source, folder, [image], of_task.operators)
    seconds = time.process_time() - begin
    made = ExportedModel.open(folder)
    able = [row.name for row in runtimes().values() if row.is_installed and is_open_to(made, row)]
    return {
        "seconds": round(seconds, 1),
        "bytes_before": source.stat().st_size,
        "bytes_after": (folder / ONNX_FILE).stat().st_size,
        "difference": _difference(model, made),
        "cpu_ms": {name: _milliseconds(made, name, job) for name in able},
    }


def _milliseconds(model: ExportedModel, name: str, job: Callable[[Runtime], object]) -> float | None:
    """CPU time of one run; None where the runtime cannot run the model."""
    try:
        runtime = open_on(model, name)
        return cpu_milliseconds(lambda: job(runtime))
    except (SegcliError, RuntimeError, ValueError):
        return None


def _difference(model: ExportedModel, made: ExportedModel) -> str:
    """How far the answers of a model are from those of 32 bits, on ONNX Runtime."""
    runs = [open_on(one, ONNX_RUNTIME) for one in (model, made)]
    image = generated_image()
    if model.finds_objects:
        prepared = prepare(image, model.preprocess)
        full, fewer = (ObjectFinder(run.run_named, model.mask_form)([prepared])[0] for run in runs)
        return _objects_again(full, fewer)
    size = model.input_size or image.shape[:2]
    full, fewer = (run.run(normalise([resize_image(image, *size)], model.preprocess)) for run in runs)
    relative = float(np.abs(full - fewer).max() / (np.abs(full).max() or 1.0))
    return f"{(full.argmax(1) == fewer.argmax(1)).mean():.1%} of labels, {relative:.0e}"


def _objects_again(full: Detections, fewer: Detections) -> str:
    """The share of the best objects that are found again: same class, and much the same mask."""
    best = full.best_first(_MOST_OBJECTS)
    if not len(best.scores):
        return "no object found"
    overlaps = matched(best, fewer)[1][: len(best.scores)]
    return f"{(overlaps >= SAME_OBJECT_IOU).mean():.1%} of {len(overlaps)} objects"
