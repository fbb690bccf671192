"""One model with random weights on every runtime: whether it converts, whether the answers are equal, what it costs.

``python -m tests.bench.runtimes.one_model NAME FILE PART...`` writes JSON, and keeps the parts that are there already;
the command starts one process per model.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segcli.config.schema import Config
from segcli.errors import SegcliError
from segcli.inference.exported_model import LOGITS_FILE, OBJECTS_FILE, ExportedModel
from segcli.inference.instance_input import prepare
from segcli.inference.model_runtime import ONNX_RUNTIME, is_open_to, open_on
from segcli.inference.parity_samples import generated_image
from segcli.inference.preprocess import normalise, resize_image
from segcli.inference.proofs import Proofs, version_of
from segcli.inference.proving import Prover
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.models.instance.table import has_onnx_form
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.promptable.exported import ExportedParts, open_part
from segcli.runtimes import RuntimeRow, runtimes
from segcli.steps.export.command import export_weights
from segcli.steps.export.result import HalfParity
from tests.bench.runtimes.fewer_bits import of_precisions
from tests.bench.runtimes.timing import cpu_milliseconds, instructions
from tests.promptable_weights import promptable_weights
from tests.random_instance import save_random_weights
from tests.trained_model import save_weights

Found = dict[str, Any]


RUNTIMES, PRECISIONS = "runtimes", "precisions"
PARTS = (RUNTIMES, PRECISIONS)


def measure(name: str, parts: Sequence[str] = PARTS) -> Found:
    """What is known of one model, as plain values.

    Args:
        name: The model.
        parts: What to measure, of `PARTS`: the model on each runtime, and with fewer bits.
    """
    spec = get_spec(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = Config.model_validate({"Global": {"model": name, "output": str(folder / "run")}})
        try:
            found = (_promptable if spec.task is Task.PROMPTABLE else _dense)(name, folder, config, parts)
        except SegcliError as fault:
            found = {"fault": str(fault)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "model": name,
        "task": spec.task.value,
        "parameters_million": spec.parameters_million,
        "threads": thread_count(),
        "processor": instructions(),
        "peak_mb": round(peak),
        "versions": installed_versions(),
        **found,
    }


def installed_versions() -> dict[str, str]:
    """Versions of the runtimes that are installed."""
    return {row.name: version_of(row) for row in runtimes().values() if row.is_installed}


def has_fewer_bits(name: str) -> bool:
    """Whether a model can be made with fewer bits: it is one network, and answers no prompts."""
    return get_spec(name).task is not Task.PROMPTABLE and has_onnx_form(name)


def _dense(name: str, folder: Path, config: Config, parts: Sequence[str]) -> Found:
    """A model with classes: Paddle's program against the other runtimes, each by itself."""
    objects = get_spec(name).task is Task.INSTANCE
    weights = (save_random_weights if objects else _semantic_weights)(name, folder / "weights")
    unproven = config.model_copy(update={"Export": config.Export.model_copy(update={"verify": False})})
    export_weights(weights, folder / "model", unproven)
    model = ExportedModel.open(folder / "model")
    job, size = _job(model)
    found: Found = {"input": size, "program": OBJECTS_FILE if objects else LOGITS_FILE, "split": model.is_split}
    if RUNTIMES in parts:
        prover = Prover(model, Proofs(model.folder))
        able = [row for row in runtimes().values() if row.is_installed]
        found[RUNTIMES] = {row.name: _of_runtime(row, model, prover, job) for row in able}
    if PRECISIONS in parts and has_fewer_bits(name):
        open_on(model, ONNX_RUNTIME)  # makes the ONNX file where it is missing
        found[PRECISIONS] = of_precisions(model, folder, job)
    return found


def _semantic_weights(name: str, folder: Path) -> Path:
    return save_weights(folder, model=name)


def _job(model: ExportedModel) -> tuple[Callable[[Runtime], object], str]:
    """What is timed on a runtime, and the size of its input."""
    image = generated_image()
    if model.finds_objects:
        prepared = prepare(image, model.preprocess)
        feeds, shape = prepared.feeds(), prepared.image.shape
        return (lambda runtime: runtime.run_named(feeds)), f"{shape[3]}x{shape[2]}"
    height, width = model.input_size or image.shape[:2]
    batch = normalise([resize_image(image, height, width)], model.preprocess)
    return (lambda runtime: runtime.run(batch)), f"{width}x{height}"


def _of_runtime(
    row: RuntimeRow, model: ExportedModel, prover: Prover, job: Callable[[Runtime], object]
) -> dict[str, Any]:
    if not is_open_to(model, row):
        return {"version": version_of(row), "agrees": None, "detail": "it has no form for this runtime"}
    try:
        proof = prover.prove(row)
    except SegcliError as fault:
        return {"version": version_of(row), "agrees": None, "detail": str(fault)}
    runtime = open_on(model, row.name)
    return {
        "version": proof.version,
        "agrees": proof.agrees,
        "detail": proof.detail,
        "cpu_ms": cpu_milliseconds(lambda: job(runtime)),
    }


def _promptable(name: str, folder: Path, config: Config, parts: Sequence[str]) -> Found:
    """A promptable model: export compares both halves on each runtime; the half that reads the image is timed."""
    if RUNTIMES not in parts:
        return {}
    onnx = config.model_copy(update={"Export": config.Export.model_copy(update={"formats": ("onnx",)})})
    result = export_weights(promptable_weights(name), folder / "model", onnx)
    exported = ExportedParts.open(folder / "model")
    side = PROMPTABLE[name].side
    image = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    half = next(iter(exported.names))
    compared = [entry for entry in result.parity if isinstance(entry, HalfParity)]
    rows: dict[str, Found] = {}
    for row in runtimes().values():
        own = [entry for entry in compared if entry.runtime == row.name]
        if not own:
            rows[row.name] = {"version": version_of(row), "agrees": None, "detail": "it has no form for this runtime"}
            continue
        graphs = [open_part(exported.folder, stem, row.name) for stem in exported.names[half]]
        detail = "; ".join(f"{entry.half} {entry.summary()}" for entry in own)
        milliseconds = cpu_milliseconds(lambda graphs=graphs: _through(graphs, image), runs=1)
        rows[row.name] = {"version": version_of(row), "agrees": True, "detail": detail, "cpu_ms": milliseconds}
    return {"input": f"{side}x{side}", "program": half, "split": False, RUNTIMES: rows}


def _through(graphs: list[Runtime], image: Any) -> None:
    for graph in graphs:
        image = graph.run_named({"image": image})[0]


def main(name: str, file: Path, parts: Sequence[str]) -> None:
    """Measures parts of a model, and writes them to those that its file has."""
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kept = {key: before[key] for key in PARTS if key in before and key not in parts}
    file.write_text(json.dumps({**kept, **measure(name, parts)}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or PARTS)
