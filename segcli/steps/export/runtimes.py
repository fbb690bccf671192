"""Compares the written model with the trained network on every runtime that can open it, and saves the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from segcli.errors import ExportError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.first_opening import written_here
from segcli.inference.graphs import Graph
from segcli.inference.model_runtime import files_on, open_on
from segcli.inference.object_parity import ObjectParity
from segcli.inference.onnx_conversion import convert_program
from segcli.inference.parity import Parity
from segcli.inference.proofs import Proofs
from segcli.inference.proving import time_job
from segcli.inference.runtimes.open_graph import module_of, open_graph
from segcli.inference.runtimes.protocol import Runtime
from segcli.runtimes import RuntimeRow, runtimes

log = logging.getLogger("segcli.export")

ParityOf = TypeVar("ParityOf", Parity, ObjectParity)
ONNX, NATIVE = "onnx", "paddle"


def wants_onnx(formats: tuple[str, ...]) -> bool:
    """Whether a requested format is ONNX or made from it."""
    return bool(set(formats) - {NATIVE})


def write_forms(graph: Graph, formats: tuple[str, ...]) -> dict[str, str]:
    """Writes the requested formats of a network, and also ONNX, which the fast runtimes read, if possible.

    Args:
        graph: The network.
        formats: Names of `Export.formats`.

    Returns:
        Names of the files by kind.

    Raises:
        MissingPartError: A converter is not installed.
        ExportError: A requested format cannot be written.
    """
    files: dict[str, str] = {}
    wanted = wants_onnx(formats)
    if not wanted and not graph.can_convert:
        return files
    source = graph.form(f".{ONNX}")
    if not source.is_file():
        assert graph.program is not None and graph.weights is not None
        try:
            convert_program(graph.program, graph.weights, source)
        except ExportError as fault:
            if wanted:
                raise
            log.warning("only Paddle will run this model: %s", fault)
            return files
    files[ONNX] = source.name
    for row in runtimes().values():
        if row.export_format in formats and row.export_format not in (NATIVE, ONNX):
            target = graph.form(row.reads[0])
            module_of(row).convert_onnx(source, target)
            own, *companions = graph.files_of(target)
            files[row.export_format] = own.name
            files.update({f"{row.export_format}_weights": file.name for file in companions})
    return files


def compare_runtimes(
    model: ExportedModel, compare: Callable[[Runtime, Path], ParityOf], job: Callable[[Runtime], object]
) -> Iterator[ParityOf]:
    """Compares the model on each runtime that has a file, and saves the results beside it.

    Args:
        model: The written model.
        compare: Compares one opened runtime with the trained network; raises `ParityError`.
        job: The call that is timed.

    Raises:
        ExportError: The written model cannot be reopened.
        ParityError: The outputs of a runtime differ from the trained network.
    """
    proofs = Proofs(model.folder)
    for row in runtimes().values():
        file = _file_for(model, row)
        if file is None:
            continue
        if not row.is_installed:
            log.warning("%s was not compared on %s, which is not installed", file.name, row.name)
            continue
        runtime = _opened(partial(open_on, model, row.name), file)
        parity = compare(runtime, file)
        if not isinstance(parity, ObjectParity) or parity.proves:
            proofs.keep(
                row,
                files_on(model, row),
                agrees=True,
                detail=parity.summary(),
                milliseconds=time_job(partial(job, runtime)),
            )
        yield parity


def open_written(graph: Graph) -> Runtime:
    """Opens a Paddle program that was just written; raises `ExportError` if that fails."""
    assert graph.program is not None
    return _opened(partial(open_graph, graph, NATIVE), graph.program)


def _file_for(model: ExportedModel, row: RuntimeRow) -> Path | None:
    stem = model.stem_graph
    return (model.graph if stem is None or row.name == NATIVE else stem).readable_by(row)


def _opened(opener: Callable[[], Runtime], file: Path) -> Runtime:
    try:
        with written_here():
            return opener()
    except Exception as fault:
        raise ExportError(f"the written model cannot be reopened: {fault}", path=file) from fault
