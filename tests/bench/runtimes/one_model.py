"""One model with random weights on every runtime: whether it converts, whether the answers are equal, what it costs.

``python -m tests.bench.runtimes.one_model NAME FILE`` writes JSON; the command starts one process per model.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from segcli.config.schema import Config
from segcli.errors import SegcliError
from segcli.inference.exported_model import LOGITS_FILE, OBJECTS_FILE, ExportedModel
from segcli.inference.instance_input import prepare
from segcli.inference.model_runtime import is_open_to, open_on
from segcli.inference.parity_samples import generated_image
from segcli.inference.preprocess import normalise, resize_image
from segcli.inference.proofs import Proofs, version_of
from segcli.inference.proving import Prover
from segcli.inference.runtimes.protocol import Runtime, thread_count
from segcli.models.promptable.specs import PROMPTABLE
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.promptable.exported import ExportedParts, open_part
from segcli.runtimes import RuntimeRow, runtimes
from segcli.steps.export.command import export_weights
from segcli.steps.export.result import HalfParity
from tests.promptable_weights import promptable_weights
from tests.random_instance import save_random_weights
from tests.trained_model import save_weights

_RUNS = 3
_ENOUGH_SECONDS = 1.5
"""CPU time of runs after which no further one is timed: that of a large network hardly varies."""
Found = dict[str, Any]


def measure(name: str) -> Found:
    """What is known of one model, as plain values."""
    spec = get_spec(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config = Config.model_validate({"Global": {"model": name, "output": str(folder / "run")}})
        try:
            found = (_promptable if spec.task is Task.PROMPTABLE else _dense)(name, folder, config)
        except SegcliError as fault:
            found = {"fault": str(fault)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "model": name,
        "task": spec.task.value,
        "parameters_million": spec.parameters_million,
        "threads": thread_count(),
        "peak_mb": round(peak),
        **found,
    }


def _dense(name: str, folder: Path, config: Config) -> Found:
    """A model with classes: Paddle's program against the other runtimes, each by itself."""
    objects = get_spec(name).task is Task.INSTANCE
    weights = (save_random_weights if objects else _semantic_weights)(name, folder / "weights")
    unproven = config.model_copy(update={"Export": config.Export.model_copy(update={"verify": False})})
    export_weights(weights, folder / "model", unproven)
    model = ExportedModel.open(folder / "model")
    job, size = _job(model)
    prover = Prover(model, Proofs(model.folder))
    rows = {row.name: _of_runtime(row, model, prover, job) for row in runtimes().values() if row.is_installed}
    kind = OBJECTS_FILE if objects else LOGITS_FILE
    return {"input": size, "program": kind, "split": model.is_split, "runtimes": rows}


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


def _promptable(name: str, folder: Path, config: Config) -> Found:
    """A promptable model: export compares both halves on each runtime; the half that reads the image is timed."""
    onnx = config.model_copy(update={"Export": config.Export.model_copy(update={"formats": ("onnx",)})})
    result = export_weights(promptable_weights(name), folder / "model", onnx)
    parts = ExportedParts.open(folder / "model")
    side = PROMPTABLE[name].side
    image = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    half = next(iter(parts.names))
    compared = [entry for entry in result.parity if isinstance(entry, HalfParity)]
    rows: dict[str, Found] = {}
    for row in runtimes().values():
        own = [entry for entry in compared if entry.runtime == row.name]
        if not own:
            rows[row.name] = {"version": version_of(row), "agrees": None, "detail": "it has no form for this runtime"}
            continue
        graphs = [open_part(parts.folder, stem, row.name) for stem in parts.names[half]]
        detail = "; ".join(f"{entry.half} {entry.summary()}" for entry in own)
        milliseconds = cpu_milliseconds(lambda graphs=graphs: _through(graphs, image), runs=1)
        rows[row.name] = {"version": version_of(row), "agrees": True, "detail": detail, "cpu_ms": milliseconds}
    return {"input": f"{side}x{side}", "program": half, "split": False, "runtimes": rows}


def _through(graphs: list[Runtime], image: Any) -> None:
    for graph in graphs:
        image = graph.run_named({"image": image})[0]


def cpu_milliseconds(job: Callable[[], object], runs: int = _RUNS) -> float:
    """CPU time of all threads for one run: the least of some, after one that warms up."""
    job()
    best, spent = float("inf"), 0.0
    for _ in range(runs):
        begin = time.process_time()
        job()
        best, spent = min(best, time.process_time() - begin), spent + time.process_time() - begin
        if spent > _ENOUGH_SECONDS:
            break
    return round(1000 * best, 1)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(measure(sys.argv[1]), indent=2) + "\n", encoding="utf-8")
