"""A whole exported model on one runtime: a single network, or an R-CNN in two parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from segcli.errors import MissingPartError
from segcli.inference.exported_model import STEM_FILE, ExportedModel
from segcli.inference.graphs import ONNX, Graph
from segcli.inference.runtimes.open_graph import open_graph
from segcli.inference.runtimes.protocol import Runtime
from segcli.models.instance.table import has_onnx_form
from segcli.runtimes import ONNX_RUNTIME, PADDLE, RuntimeRow, other_runtime, runtimes


def open_on(model: ExportedModel, name: str, device: str = "cpu") -> Runtime:
    """Opens a model on a runtime without checking its outputs; `runtimes.choice.open_runtime` checks them.

    Raises:
        MissingPartError: The runtime is not installed, finds no file, or cannot open it.
        ExportError: The conversion that the runtime needs failed.
        WeightsError: Reading the file would crash this process, or use all its memory or time.
    """
    graph = _graph(model, name)
    if name != PADDLE and graph is model.graph and not has_onnx_form(model.model_name):
        raise MissingPartError(
            f"{model.model_name} has no ONNX form, and the folder holds no {STEM_FILE}",
            path=model.folder,
            hint=f"export it again where paddle2onnx and onnx are installed, or {other_runtime(PADDLE)}",
        )
    if name == PADDLE and not graph.has_paddle:
        raise MissingPartError("the folder holds no Paddle program", path=model.folder)
    runtime = open_graph(graph, name, device)
    if model.guest is not None:
        from segcli.inference.guests.runtime import GuestRuntime

        return GuestRuntime(runtime, model.guest)
    if graph is not model.stem_graph:
        return runtime
    from segcli.inference.runtimes.split_runtime import SplitRuntime

    return SplitRuntime(runtime, open_graph(model.heads_graph, PADDLE))


def is_open_to(model: ExportedModel, row: RuntimeRow) -> bool:
    """Whether the files that a runtime needs exist in the folder or can be created."""
    return _graph(model, row.name).is_open_to(row)


def files_on(model: ExportedModel, row: RuntimeRow) -> Iterator[Path]:
    """The files that determine a runtime's outputs: Paddle's program and weights, and the files that it runs."""
    graph = _graph(model, row.name)
    file = graph.readable_by(row)
    used = [] if file is None else list(graph.files_of(file))
    if graph is model.stem_graph:
        used += [path for path in (model.heads_graph.program, model.heads_graph.weights) if path is not None]
    main = model.graph
    programs = [path for path in (main.program, main.weights) if path is not None and path.is_file()]
    yield from dict.fromkeys([*programs, *used])


def reference_runtime(model: ExportedModel) -> str | None:
    """The runtime that others are compared with: Paddle or, without a Paddle program, ONNX Runtime; None if neither."""
    if model.graph.has_paddle:
        return PADDLE
    row = runtimes()[ONNX_RUNTIME]
    return ONNX_RUNTIME if row.is_installed and model.graph.form(ONNX).is_file() else None


def _graph(model: ExportedModel, name: str) -> Graph:
    stem = model.stem_graph
    return model.graph if stem is None or name == PADDLE else stem
