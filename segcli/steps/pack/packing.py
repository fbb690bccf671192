"""What a task gives to `models pack`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segcli.errors import WeightsError
from segcli.inference.exported_model import ONNX_FILE, ExportedModel
from segcli.inference.model_runtime import is_open_to
from segcli.inference.proofs import Proofs, document_of
from segcli.inference.proving import Prover
from segcli.inference.runtimes.choice import open_runtime
from segcli.runtimes import runtimes

MODEL = "model"
"""Name of the network of a model that has one."""


@dataclass(frozen=True)
class Packing:
    """The parts of a packed folder that depend on the task.

    Attributes:
        networks: ONNX files by the name that they get in the folder, without suffix.
        facts: What the example must know, the content of `preprocessing.json`.
        example: The text of `example.py`.
        parity: How the runtimes agreed, the content of `parity.json`.
        labels: Names of the classes; empty for models without.
    """

    networks: Mapping[str, Path]
    facts: Mapping[str, Any]
    example: str
    parity: Mapping[str, Any]
    labels: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """`parity` for the terminal: name of a runtime, and what was compared."""
        return tuple((str(one["runtime"]), str(one["detail"])) for one in self.parity["proofs"])


def whole_network(model: ExportedModel) -> Path:
    """The ONNX file of a model that is one network; made where it is missing, and compared.

    Raises:
        WeightsError: There is none.
        MissingPartError: It cannot be made.
        ParityError: The outputs of ONNX Runtime differ from the model.
    """
    open_runtime(model, "onnxruntime")
    network = model.folder / ONNX_FILE
    if not network.is_file():
        raise WeightsError(f"holds no {ONNX_FILE}", path=model.folder, hint="export it with --format onnx")
    return network


def compared(model: ExportedModel) -> dict[str, Any]:
    """How all installed runtimes agree on a model that is one network; see `Packing.parity`."""
    prover = Prover(model, Proofs(model.folder))
    able = [row for row in runtimes().values() if row.is_installed and is_open_to(model, row)]
    return document_of(prover.prove(row) for row in able)
