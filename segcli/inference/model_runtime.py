"""A whole exported model on one runtime: of one network, or of an R-CNN in two parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from segcli.errors import MissingPartError
from segcli.inference.exported_model import STEM_FILE, ExportedModel
from segcli.inference.graphs import ONNX, Graph
from segcli.inference.guests.runtime import GuestRuntime
from segcli.inference.runtimes.open_graph import open_graph
from segcli.inference.runtimes.protocol import Runtime
from segcli.inference.runtimes.split_runtime import SplitRuntime
from segcli.models.instance.table import has_onnx_form
from segcli.runtimes import RuntimeRow, runtimes

PADDLE, ONNX_RUNTIME = "paddle", "onnxruntime"


def open_on(model: ExportedModel, name: str, device: str = "cpu") -> Runtime:
    """Opens a model on a runtime, proven or not; see `segcli.inference.runtimes.choice.open_runtime` for users.

    Raises:
        MissingPartError: The runtime is not installed, finds no file, or cannot open it.
        ExportError: The conversion that it needs failed.
    """
    graph = _graph(model, name)
    if name != PADDLE and graph is model.graph and not has_onnx_form(model.model_name):
        raise MissingPartError(
            f"{model.model_name} has no ONNX form, and the folder holds no {STEM_FILE}",
            path=model.folder,
            hint="export it again where paddle2onnx and onnx are installed, or take runtime=paddle",
        )
    if name == PADDLE and not graph.has_paddle:
        raise MissingPartError("the folder holds no program of Paddle", path=model.folder)
    runtime = open_graph(graph, name, device)
    if model.guest is not None:
        return GuestRuntime(runtime, model.guest)
    return runtime if graph is not model.stem_graph else SplitRuntime(runtime, open_graph(model.heads_graph, PADDLE))


def is_open_to(model: ExportedModel, row: RuntimeRow) -> bool:
    """Whether a runtime finds what it needs in the folder, or it can be made."""
    return _graph(model, row.name).is_open_to(row)


def files_on(model: ExportedModel, row: RuntimeRow) -> Iterator[Path]:
    """The files that decide what a runtime answers: those of Paddle's program, and those that run."""
    graph = _graph(model, row.name)
    file = graph.readable_by(row)
    used = [] if file is None else list(graph.files_of(file))
    if graph is model.stem_graph:
        used += [path for path in (model.heads_graph.program, model.heads_graph.weights) if path is not None]
    main = model.graph
    programs = [path for path in (main.program, main.weights) if path is not None and path.is_file()]
    yield from dict.fromkeys([*programs, *used])


def reference_runtime(model: ExportedModel) -> str | None:
    """The runtime whose answers are the model's own: Paddle, or where there is no program of it ONNX Runtime."""
    if model.graph.has_paddle:
        return PADDLE
    row = runtimes()[ONNX_RUNTIME]
    return ONNX_RUNTIME if row.is_installed and model.graph.form(ONNX).is_file() else None


def _graph(model: ExportedModel, name: str) -> Graph:
    stem = model.stem_graph
    return model.graph if stem is None or name == PADDLE else stem
