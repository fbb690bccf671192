"""Which runtime runs a model: the fastest of those that were proven to answer as Paddle does."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from segcli.errors import MissingPartError, ParityError, SegcliError
from segcli.inference.exported_model import ExportedModel
from segcli.inference.model_runtime import PADDLE, files_on, is_open_to, open_on, reference_runtime
from segcli.inference.parity import Reference, compare
from segcli.inference.proofs import Proof, Proofs
from segcli.inference.proving import TOLERANCE, Prover
from segcli.inference.runtimes.open_graph import first_line, row_of
from segcli.inference.runtimes.protocol import Runtime
from segcli.runtimes import AUTO, RuntimeRow, runtimes

log = logging.getLogger("segcli.predict")


def open_runtime(
    model: ExportedModel, wanted: str = AUTO, device: str = "cpu", *, reference: Reference | None = None
) -> Runtime:
    """Opens an exported model on a runtime that answers as the model does.

    A form that a runtime needs is made at its first use. What was never compared with Paddle's program is compared
    before it is used, and the verdict is kept beside the model; see `segcli.inference.proofs`. Where the folder holds
    no program of Paddle, the answers of ONNX Runtime are the model's own.

    Args:
        model: The model.
        wanted: The runtime; ``auto`` takes on the CPU the fastest that was proven, and Paddle on any other device.
        device: Where to run; another device than the CPU is Paddle's.
        reference: What the trained network says of some images; a runtime that disagrees is not used. For models that
            `export` has not compared.

    Raises:
        MissingPartError: The wanted runtime is not installed or cannot open the model, or the model has no file for it.
        ExportError: The conversion that the wanted runtime needs failed.
        ParityError: The wanted runtime gives other answers than the model.
    """
    proofs = Proofs(model.folder)
    if device != "cpu" and not model.graph.has_paddle:
        log.warning("%s is no model of Paddle, which alone drives %s: it runs on the CPU", model.folder, device)
        device = "cpu"
    if wanted != AUTO:
        return _open_proven(model, row_of(wanted), device, reference, proofs)
    faults: list[str] = []
    for row in _by_speed(model, device, reference, proofs, faults):
        try:
            runtime = _open_proven(model, row, device, reference, proofs)
        except SegcliError as fault:
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        if faults:
            log.warning("%s runs on %s, because %s", model.folder, row.name, "; ".join(faults))
        return runtime
    raise MissingPartError("no runtime can open this model: " + "; ".join(faults), path=model.folder)


def _open_proven(
    model: ExportedModel, row: RuntimeRow, device: str, reference: Reference | None, proofs: Proofs
) -> Runtime:
    """Opens a runtime whose answers were compared: with a reference where one is given, else with Paddle's program."""
    if reference is not None:
        runtime = open_on(model, row.name, device)
        compare(runtime, model.folder, reference, TOLERANCE)
        return runtime
    if reference_runtime(model) not in (None, row.name):
        proof = proofs.find(row, files_on(model, row)) or Prover(model, proofs).prove(row)
        _require_agreement(model, proof)
    return open_on(model, row.name, device)


def _require_agreement(model: ExportedModel, proof: Proof) -> None:
    if not proof.agrees:
        raise ParityError(
            f"{proof.runtime} gives other answers than {reference_runtime(model)}: {proof.detail}",
            path=model.folder,
            hint=f"take runtime=auto or {reference_runtime(model)}",
        )


def _by_speed(
    model: ExportedModel, device: str, reference: Reference | None, proofs: Proofs, faults: list[str]
) -> Iterator[RuntimeRow]:
    """The runtimes to try, the fastest first; what was not measured yet is measured now."""
    able = [row for row in runtimes().values() if row.is_installed and (device == "cpu" or row.any_device)]
    able = [row for row in able if is_open_to(model, row)]
    if len(able) < 2 or reference is not None or reference_runtime(model) is None:
        # nothing to choose from, or nothing to measure against: the fast ones before Paddle
        yield from sorted(able, key=lambda row: row.name == PADDLE)
        return
    prover = Prover(model, proofs)
    measured: list[tuple[float, RuntimeRow]] = []
    for row in able:
        try:
            proof = proofs.find(row, files_on(model, row)) or prover.prove(row)
            _require_agreement(model, proof)
        except SegcliError as fault:
            faults.append(f"{row.name}: {first_line(fault)}")
            continue
        measured.append((float("inf") if proof.milliseconds is None else proof.milliseconds, row))
    yield from (row for _, row in sorted(measured, key=lambda pair: pair[0]))
